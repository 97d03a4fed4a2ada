import { describe, expect, test } from "vitest";
import type { SseEvent } from "@holdfast/core";
import { eventually } from "../../src/harness/eventually.ts";
import { testRegistry } from "../support/test-registry.ts";
import {
  CLOSED,
  CONNECTING,
  type Dispatched,
  type EventSourceImplementation,
  OPEN,
} from "./implementation.ts";
import { startStreamServer } from "../support/stream-server.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";

const CONTROL = ["stream.open", "stream.live", "stream.reset", "stream.error", "stream.drain", "stream.end"];
/** Makes each `retry:` as short as possible: one second. */
const random = (): number => 0;

const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;
const typesOf = (dispatched: readonly Dispatched[]): string[] => dispatched.map(({ type }) => type);
const dataOf = (dispatched: readonly Dispatched[], type = "message"): unknown[] =>
  dispatched.filter((event) => event.type === type && event.data !== undefined).map(({ data }) => data);

/** What an `EventSource` that follows the standard does with a stream of ours. */
export function eventSourceSuite(client: EventSourceImplementation): void {
  describe(client.name, () => tests(client));
}

function tests(client: EventSourceImplementation): void {
  test("does not reconnect after the end", async () => {
    const { registry } = testRegistry({ random });
    const job = await registry.open("job");
    const server = await startStreamServer(() => registry.stream("job"));
    job.push({ data: "early" });
    const { dispatched, state } = await client.listen(urlOf(server), [...CONTROL, "tick"]);
    await eventually(() => expect(typesOf(dispatched)).toContain("stream.live"));
    job.push({ event: "tick", data: { now: 1 } });
    await job.end();

    await eventually(() => expect(dispatched.at(-1)?.state).toBe(CLOSED));
    expect(dispatched.map(({ type, id, state: at }) => [type, id?.replace(job.epoch, ""), at])).toEqual([
      ["open", undefined, OPEN],
      ["stream.open", ".0", OPEN],
      ["message", ".1", OPEN],
      ["stream.live", ".1", OPEN],
      ["tick", ".2", OPEN],
      ["stream.end", ".3.end", OPEN],
      ["error", undefined, CONNECTING],
      ["error", undefined, CLOSED],
    ]);
    expect(dataOf(dispatched, "stream.end")).toEqual([`{"status":"done"}`]);
    expect(await state()).toBe(CLOSED);
    // The second request was answered with 204, so there is no third.
    expect(server.cursors).toEqual([undefined, `${job.epoch}.3.end`]);
  });

  test("a finished generator is not run again", async () => {
    let runs = 0;
    async function* answer(): AsyncGenerator<SseEvent> {
      runs++;
      yield { data: "one" };
      yield { data: "two" };
    }
    const server = await startStreamServer(() => answer);
    const { dispatched } = await client.listen(urlOf(await startCuttingProxy(server.port)), CONTROL);
    await eventually(() => expect(runs > 1 || dispatched.at(-1)?.state === CLOSED).toBe(true));
    expect(typesOf(dispatched)).toEqual(["open", "message", "message", "stream.end", "error", "error"]);
    expect(runs).toBe(1);
    expect(server.cursors).toEqual([undefined, expect.stringMatching(/^[0-9a-z]{10}\.0\.end$/)]);
  });

  test("resumes, wherever the connection is cut", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const server = await startStreamServer(() => registry.stream("job"));
    // Cuts at each byte of the handshake and the first event, from the last to the first, or at each tenth byte. The client
    // may lose what it receives right before a cut, so the first cut comes after the handshake, which carries the `retry:`.
    const length = 200;
    const cuts = client.reconnectsSlowly ? 20 : length;
    const proxy = await startCuttingProxy(server.port, (received) => {
      const start = received.indexOf(proxy.cuts === 0 ? `id: ${job.epoch}.1\n` : "event: stream.open");
      if (start === -1 || proxy.cuts === cuts) return undefined;
      return proxy.cuts === 0 ? start : start + length - Math.ceil((proxy.cuts * length) / cuts);
    });
    const { dispatched } = await client.listen(urlOf(proxy), CONTROL);
    await eventually(() => expect(typesOf(dispatched)).toContain("stream.live"));
    const data = "zwölf\n€uro\n🙂";
    const ids = Array.from({ length: 30 }, () => job.push({ data }));
    await job.end();
    await eventually(() => expect(dispatched.at(-1)?.state).toBe(CLOSED));
    expect(dispatched.filter(({ type }) => type === "message").map(({ id }) => id)).toEqual(ids);
    expect(new Set(dataOf(dispatched))).toEqual(new Set([data]));
    expect(typesOf(dispatched)).not.toContain("stream.reset");
    expect(server.cursors).toHaveLength(1 + cuts + 1);
    expect(server.cursors.at(-1)).toBe(`${job.epoch}.31.end`);
  });

  test("a client that uses only `onmessage` is served with `control: false`", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const server = await startStreamServer(() => registry.stream("job"), { control: false });
    const proxy = await startCuttingProxy(server.port, (received) =>
      received.includes("data: 2\n") && proxy.cuts === 0 ? received.length : undefined,
    );
    const { dispatched } = await client.listen(urlOf(proxy), CONTROL);
    for (const number of [1, 2, 3, 4]) {
      job.push({ data: number });
      await eventually(() => expect(dataOf(dispatched)).toContain(String(number)));
    }
    await job.end();
    await eventually(() =>
      expect(server.cursors.length > 3 || dispatched.at(-1)?.state === CLOSED).toBe(true),
    );
    expect(dataOf(dispatched)).toEqual(["1", "2", "3", "4"]);
    expect(new Set(typesOf(dispatched))).toEqual(new Set(["open", "message", "error"]));
    // A RST may discard bytes that had arrived: then the client resumes one event earlier.
    const resumed = expect.stringMatching(new RegExp(`^${job.epoch}\\.[12]$`));
    const last = `${job.epoch}.${client.ignoresIdWithoutData ? "4" : "5.end"}`;
    expect(server.cursors).toEqual([undefined, resumed, last]);
  });

  test("any text arrives unchanged", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    const texts = [
      "",
      " ",
      " begins with a space",
      "ends with a line\n",
      "\n\n\n",
      "data: id: event: :",
      "\u{feff}a mark, \0, \u{2028} and \u{85} are no line ends",
      "žluťoučký kůň 馬 🐎 👩‍🚀",
      "x".repeat(200_000),
    ];
    for (const data of texts) job.push({ data });
    job.push({ data: "a\r\nb\rc\nd" });
    job.push({ data: { nested: [1, "two\n", null] } });
    job.push({ event: "message" });
    job.push({ event: "ereignis für 馬", data: "named" });
    await job.end();
    const server = await startStreamServer(() => registry.stream("job"));
    const { dispatched } = await client.listen(urlOf(server), ["ereignis für 馬", "stream.end"]);
    await eventually(() => expect(typesOf(dispatched)).toContain("stream.end"));
    const received = client.removesNull ? texts.map((text) => text.replaceAll("\0", "")) : texts;
    expect(dataOf(dispatched)).toEqual([...received, "a\nb\nc\nd", `{"nested":[1,"two\\n",null]}`, ""]);
    expect(dataOf(dispatched, "ereignis für 馬")).toEqual(["named"]);
  });

  test("an event named `error` is dispatched to `error` listeners, and does not close the connection", async () => {
    const { registry } = testRegistry();
    const job = await registry.open("job");
    job.push({ event: "error", data: "from the user" });
    job.push({ data: "after" });
    const server = await startStreamServer(() => registry.stream("job"));
    const { dispatched, state } = await client.listen(urlOf(server));
    await eventually(() => expect(dataOf(dispatched)).toEqual(["after"]));
    // Only its data distinguishes it from a failed connection.
    expect(dispatched).toMatchObject([
      { type: "open" },
      { type: "error", data: "from the user" },
      { data: "after" },
    ]);
    expect(await state()).toBe(OPEN);
    expect(server.cursors).toHaveLength(1);
  });

  test("a client that connects before the stream exists waits, and reconnects to continue to wait", async () => {
    const { registry } = testRegistry();
    const server = await startStreamServer(() => registry.stream("job"), { wait: 20 });
    const { dispatched } = await client.listen(urlOf(await startCuttingProxy(server.port)), CONTROL);
    await eventually(() => expect(dataOf(dispatched, "stream.drain").length).toBeGreaterThan(1));
    const job = await registry.open("job");
    job.push({ data: "first" });
    await job.end();
    await eventually(() => expect(dispatched.at(-1)?.state).toBe(CLOSED));
    expect(new Set(dataOf(dispatched, "stream.drain"))).toEqual(new Set([`{"reason":"waiting"}`]));
    expect(dataOf(dispatched)).toEqual(["first"]);
    expect(dataOf(dispatched, "stream.error")).toEqual([]);
  });

  test("a client reconnects to a full server until there is room", async () => {
    const { registry } = testRegistry({ maxConnections: 1 });
    const job = await registry.open("job");
    job.push({ data: "worth it" });
    const server = await startStreamServer(() => registry.stream("job"));
    const occupant = new AbortController();
    const response = await fetch(urlOf(server), { signal: occupant.signal });
    expect(response.status).toBe(200);

    const { dispatched } = await client.listen(urlOf(await startCuttingProxy(server.port)), CONTROL);
    await eventually(() => expect(dispatched.length).toBeGreaterThan(6));
    occupant.abort();
    await eventually(() => expect(dataOf(dispatched)).toEqual(["worth it"]));
    const drained = ["open", "stream.drain", "error"];
    expect(typesOf(dispatched).slice(0, 6)).toEqual([...drained, ...drained]);
    expect(new Set(dataOf(dispatched, "stream.drain"))).toEqual(new Set([`{"reason":"busy"}`]));
    expect(dispatched.every(({ state }) => state !== CLOSED)).toBe(true);
  });

  test("a restarted server has a new epoch", async () => {
    const before = testRegistry({ random }).registry;
    const after = testRegistry().registry;
    const job = await before.open("job");
    job.push({ data: "before" });
    const first = await startStreamServer(() => before.stream("job"));
    const { dispatched } = await client.listen(urlOf(first), CONTROL);
    await eventually(() => expect(typesOf(dispatched)).toContain("stream.live"));
    await before.close({ spread: 0 });
    await first.close();
    // The end of the response, and a refused connection.
    const errors = (): number => typesOf(dispatched).filter((type) => type === "error").length;
    await eventually(() => expect(errors()).toBeGreaterThan(1));
    expect(dataOf(dispatched, "stream.drain")).toEqual([`{"reason":"shutdown"}`]);

    const newJob = await after.open("job");
    newJob.push({ data: "after" });
    const second = await startStreamServer(() => after.stream("job"), {}, first.port);
    await eventually(() => expect(dataOf(dispatched)).toEqual(["before", "after"]));
    expect(dataOf(dispatched, "stream.reset")).toEqual([`{"reason":"epoch","lost":null}`]);
    expect(second.cursors).toEqual([`${job.epoch}.1`]);
  });
}
