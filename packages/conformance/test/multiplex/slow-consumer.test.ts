import type { Server, Socket } from "node:net";
import { listen } from "@holdfast/conformance";
import { multiplex, type TextMessage } from "@holdfast/client";
import { createRegistry } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { servers } from "./servers.ts";

// Covers multiplex of the client and of core over a real socket.

const PAD = "x".repeat(32_768);
/** 4 MiB: many times what the client keeps of a member. */
const EVENTS = 128;
const ALL = EVENTS * PAD.length;

test("a member that is not read costs the others nothing, is not sent, and gets everything later", async () => {
  const registry = createRegistry({ buffer: { bytes: 2 * ALL } });
  const server = servers["node-http"]?.(registry) as Server;
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => sockets.push(socket));
  const { port, close } = await listen(server);
  const live = multiplex(`http://127.0.0.1:${port}/live`);
  onTestFinished(async () => {
    live.close();
    await registry.close({ deadline: 0 });
    await close();
  });
  const slow = await registry.open("jobs/slow");
  const quick = await registry.open("jobs/quick");
  const got: number[] = [];
  const slowMember = live.connect("jobs/slow");
  const quickMember = live.connect("jobs/quick");
  void (async () => {
    for await (const { data } of quickMember) got.push(Number(data));
  })();
  const sent = (): number => sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  const pushQuick = async (): Promise<void> => {
    const next = quick.last + 1;
    quick.push({ data: next });
    await eventually(() => expect(got.at(-1)).toBe(next));
  };

  for (let number = 1; number <= EVENTS; number++) {
    slow.push({ data: `${number} ${PAD}` });
    await pushQuick();
  }
  await slow.end();
  // The client has let the member go: what waits for its consumer is bounded, and so is what waits in the server.
  expect(sent()).toBeLessThan(ALL / 2);
  expect(sockets.length).toBeGreaterThan(1);
  expect(registry.get("jobs/slow")?.readers).toBe(0);

  const numbers: number[] = [];
  const take = async (): Promise<IteratorResult<TextMessage>> => {
    const next = await slowMember.next();
    if (next.done !== true) numbers.push(Number(next.value.data.split(" ")[0]));
    return next;
  };
  // The others do not wait for a consumer that pauses now and then, either.
  while ((await take()).done !== true) if (numbers.length % 16 === 0) await pushQuick();
  const count = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);
  expect(numbers).toEqual(count(EVENTS));
  expect(got).toEqual(count(quick.last));
});
