import type { AnyEvents, Snapshot } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { adapters } from "../adapters/index.ts";
import { eventually } from "../support/eventually.ts";
import { serving } from "../support/start.ts";
import { aborted } from "../support/sources.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { cursorOf, heardBy } from "./stage.ts";

/*
 * A response whose status waits for the database, over everything that can carry it.
 */

describe.each(adapters)("$name", (adapter) => {
  test("is 404 where the database knows of nothing", async () => {
    const { registry, watch } = watchedRegistry({ snapshot: async () => undefined });
    const server = await serving(adapter, () => registry.stream("job"));
    const client = await server.get();
    expect(await client.over()).toBe("ended");
    expect([client.status, client.text, client.headers["cache-control"]]).toEqual([404, "", "no-store"]);
    await eventually(() => expect(server.handling).toBe(0));
    expect(watch.opened).toBe(0);
  });

  test("replays a result, goes on where it was cut, and says in the end that there is no more", async () => {
    const events = [
      { event: "token", data: "all" },
      { event: "done", data: "well" },
    ];
    const { registry } = watchedRegistry({ snapshot: async () => ({ state: "done", events }) });
    const server = await serving(adapter, () => registry.stream("job"));
    const client = await server.get();
    expect(await client.over()).toBe("ended");
    expect(heardBy(client)).toEqual(["stream.open", "token all", "done well", "stream.end"]);
    const end = cursorOf(client) as string;
    const back = await server.get({ headers: { "last-event-id": `${end.slice(0, 10)}.1` } });
    await back.over();
    expect(heardBy(back)).toEqual(["stream.open", "done well", "stream.end"]);
    expect((await server.get({ headers: { "last-event-id": end } })).status).toBe(204);
  });

  test("lets go of the question when the client leaves before its answer", async () => {
    let signal: AbortSignal | undefined;
    const { registry, watch } = watchedRegistry({
      snapshot: async (_id, context): Promise<Snapshot<AnyEvents>> => {
        ({ signal } = context);
        await aborted(context.signal);
        return { state: "pending" };
      },
    });
    const server = await serving(adapter, () => registry.stream("job"));
    const client = server.send();
    await eventually(() => expect(signal).toBeDefined());
    expect(registry.gauges()).toMatchObject({ connections: 1, waiting: 0 });
    client.cut();
    await eventually(() => expect(server.handling).toBe(0));
    expect(signal?.aborted).toBe(true);
    expect(watch.opened).toBe(0);
  });
});
