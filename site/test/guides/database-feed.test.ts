import type { DatabaseSync } from "node:sqlite";
import { connect, json } from "@holdfast/client";
import { expect, test } from "vitest";
import { connectPagesTo, load, type Service } from "../support/load.ts";

test.each(["shared.ts", "each.ts"])("%s: rows arrive as they are inserted, and once", async (file) => {
  const { app, db } = await load<Service & { db: DatabaseSync }>("database-feed", file);
  connectPagesTo((request) => app.request(request));
  const insert = db.prepare("INSERT INTO orders (customer, item) VALUES (?, ?)");
  const items: string[] = [];
  async function read(count: number, lastEventId = ""): Promise<string> {
    const feed = connect("/customers/ann/orders", {
      lastEventId,
      events: { order: json<{ item: string }>() },
    });
    for await (const { data } of feed) {
      items.push(data.item);
      if (items.length === count) break;
    }
    return feed.lastEventId;
  }

  insert.run("ann", "tea");
  insert.run("bob", "coffee");
  const cursor = await read(1);
  insert.run("ann", "milk");
  await read(2, cursor);
  expect(items).toEqual(["tea", "milk"]);
});
