import type { Server, Socket } from "node:net";
import { multiplex } from "@holdfast/client";
import { createRegistry, type StreamWriter } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { listen } from "../../src/harness/listen.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { RecordedMember } from "./recorded-member.ts";
import { servers } from "./servers.ts";

const STREAMS = 100;
const CHANGES = Number(process.env["HOLDFAST_RUNS"] ?? 100);

test.each(["node-http", "express 5", "express 4", "hono", "toResponse"])(
  `${STREAMS} streams through %s: random cuts, joins and leaves lose and double nothing`,
  async (name) => {
    const random = seededRandom();
    const registry = createRegistry();
    const server = servers[name]?.(registry) as Server;
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    const { port, close } = await listen(server);
    const writers: StreamWriter<Record<string, unknown>>[] = [];
    for (let index = 0; index < STREAMS; index++) writers.push(await registry.open(`jobs/${index}`));
    const members = writers.map(({ id }) => new RecordedMember(id));
    const live = multiplex(`http://127.0.0.1:${port}/live`, { backoff: { base: 0, cap: 0 } });
    onTestFinished(async () => {
      live.close();
      await registry.close({ deadline: 0 });
      await close();
    });
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
    const pushSome = (): void => {
      for (let count = 0; count < 20; count++) {
        const writer = pick(writers);
        writer.push({ data: writer.last + 1 });
      }
    };

    for (const member of members) member.join(live);
    let cuts = 0;
    for (let change = 0; change < CHANGES; change++) {
      const before = members.reduce((sum, { next }) => sum + next, 0);
      pushSome();
      const kind = random();
      const member = pick(members);
      if (kind < 0.5) {
        for (const socket of sockets) socket.destroy();
        cuts++;
      } else if (member.isConnected) member.leave();
      else member.join(live);
      pushSome();
      // Some changes come while the one before is under way.
      if (random() < 0.7) {
        const received = (): number => members.reduce((sum, { next }) => sum + next, 0);
        await eventually(() => {
          for (const each of members) each.hurry();
          expect(received()).toBeGreaterThan(before);
        });
      }
    }

    for (const member of members) if (!member.isConnected) member.join(live);
    for (const writer of writers) await writer.end();
    await eventually(() => {
      for (const each of members) each.hurry();
      expect(members.filter(({ end }) => end === "")).toEqual([]);
    });
    expect(members.map(({ end, next }) => [end, next])).toEqual(
      writers.map(({ last }) => ["done", last + 1]),
    );
    expect(cuts).toBeGreaterThan(CHANGES / 4);
    await eventually(() => expect(registry.gauges().connections).toBe(0));
  },
);
