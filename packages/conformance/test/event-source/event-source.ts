import { describe, expect, test } from "vitest";
import type { SseEvent } from "@holdfast/core";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { watchedRegistry } from "../support/watched-registry.ts";
import { CLOSED, CONNECTING, type Heard, type NativeClient, OPEN } from "./native-client.ts";
import { openOrigin } from "./origin.ts";
import { layWire } from "./wire.ts";

const CONTROL = ["stream.open", "stream.live", "stream.reset", "stream.error", "stream.drain", "stream.end"];
/** The shortest `retry:` there is, one second. */
const random = (): number => 0;
/** Twice what an `EventSource` waits that was told nothing, and a busy machine. */
const LATE = 10_000;
const timeout = 3 * LATE;

const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;
const typesOf = (heard: readonly Heard[]): string[] => heard.map(({ type }) => type);
const dataOf = (heard: readonly Heard[], type = "message"): unknown[] =>
  heard.filter((said) => said.type === type && said.data !== undefined).map(({ data }) => data);

/** What an `EventSource` of the standard makes of what it is sent. */
export function eventSourceSuite(client: NativeClient): void {
  describe(client.name, { timeout }, () => tests(client));
}

function tests(client: NativeClient): void {
  test("stops for good after the end", async () => {
    const { registry } = watchedRegistry({ random });
    const job = await registry.open("job");
    const origin = await openOrigin(() => registry.stream("job"));
    job.push({ data: "early" });
    const { heard, state } = await client.listen(urlOf(origin), [...CONTROL, "tick"]);
    await eventually(() => expect(typesOf(heard)).toContain("stream.live"), LATE);
    job.push({ event: "tick", data: { now: 1 } });
    await job.end();

    await eventually(() => expect(heard.at(-1)?.state).toBe(CLOSED), LATE);
    expect(heard.map(({ type, id, state: at }) => [type, id?.replace(job.epoch, ""), at])).toEqual([
      ["open", undefined, OPEN],
      ["stream.open", ".0", OPEN],
      ["message", ".1", OPEN],
      ["stream.live", ".1", OPEN],
      ["tick", ".2", OPEN],
      ["stream.end", ".3.end", OPEN],
      ["error", undefined, CONNECTING],
      ["error", undefined, CLOSED],
    ]);
    expect(dataOf(heard, "stream.end")).toEqual([`{"status":"done"}`]);
    expect(await state()).toBe(CLOSED);
    // The second was answered with 204, behind which there is no third.
    expect(origin.cursors).toEqual([undefined, `${job.epoch}.3.end`]);
  });

  test("a finished generator is not run again", async () => {
    let runs = 0;
    async function* answer(): AsyncGenerator<SseEvent> {
      runs++;
      yield { data: "one" };
      yield { data: "two" };
    }
    const origin = await openOrigin(() => answer);
    const { heard } = await client.listen(urlOf(await layWire(origin.port)), CONTROL);
    await eventually(() => expect(heard.at(-1)?.state).toBe(CLOSED), LATE);
    expect(typesOf(heard)).toEqual(["open", "message", "message", "error", "error"]);
    expect(runs).toBe(1);
    expect(origin.cursors).toEqual([undefined, expect.stringMatching(/^[0-9a-z]{10}\.0\.end$/)]);
  });

  test("resumes, wherever it was cut", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const origin = await openOrigin(() => registry.stream("job"));
    // At each byte of the opening and the first event, from the back. What comes right before a cut may be lost with
    // it: the first one is behind the opening, when that is known to have come, with its `retry:`.
    const cuts = 200;
    const wire = await layWire(origin.port, (come) => {
      const start = come.indexOf(wire.cuts === 0 ? `id: ${job.epoch}.1\n` : "event: stream.open");
      if (start === -1 || wire.cuts === cuts) return undefined;
      return wire.cuts === 0 ? start : start + cuts - wire.cuts;
    });
    const { heard } = await client.listen(urlOf(wire), CONTROL);
    await eventually(() => expect(typesOf(heard)).toContain("stream.live"), LATE);
    const data = "zwölf\n€uro\n🙂";
    const ids = Array.from({ length: 30 }, () => job.push({ data }));
    await job.end();
    await eventually(() => expect(heard.at(-1)?.state).toBe(CLOSED), LATE);
    expect(heard.filter(({ type }) => type === "message").map(({ id }) => id)).toEqual(ids);
    expect(new Set(dataOf(heard))).toEqual(new Set([data]));
    expect(typesOf(heard)).not.toContain("stream.reset");
    expect(origin.cursors).toHaveLength(1 + cuts + 1);
    expect(origin.cursors.at(-1)).toBe(`${job.epoch}.31.end`);
  });

  test("who knows only `onmessage` is served with `control: false`", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const origin = await openOrigin(() => registry.stream("job"), { control: false });
    const wire = await layWire(origin.port, (come) =>
      come.includes("data: 2\n") && wire.cuts === 0 ? come.length : undefined,
    );
    const { heard } = await client.listen(urlOf(wire), CONTROL);
    for (const number of [1, 2, 3, 4]) {
      job.push({ data: number });
      await eventually(() => expect(dataOf(heard)).toContain(String(number)), LATE);
    }
    await job.end();
    await eventually(() => expect(heard.at(-1)?.state).toBe(CLOSED), LATE);
    expect(dataOf(heard)).toEqual(["1", "2", "3", "4"]);
    expect(new Set(typesOf(heard))).toEqual(new Set(["open", "message", "error"]));
    // A reset may cost the client bytes that had arrived already: then it comes back for the event before.
    const resumed = expect.stringMatching(new RegExp(`^${job.epoch}\\.[12]$`));
    expect(origin.cursors).toEqual([undefined, resumed, `${job.epoch}.5.end`]);
  });

  test("text of any kind arrives as it was", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    const texts = [
      "",
      " ",
      " led by a space",
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
    job.push({});
    job.push({ event: "ereignis für 馬", data: "named" });
    await job.end();
    const origin = await openOrigin(() => registry.stream("job"));
    const { heard } = await client.listen(urlOf(origin), ["ereignis für 馬", "stream.end"]);
    await eventually(() => expect(typesOf(heard)).toContain("stream.end"), LATE);
    expect(dataOf(heard)).toEqual([...texts, "a\nb\nc\nd", `{"nested":[1,"two\\n",null]}`, ""]);
    expect(dataOf(heard, "ereignis für 馬")).toEqual(["named"]);
  });

  test("an event named `error` comes to those who listen for errors, and is none", async () => {
    const { registry } = watchedRegistry();
    const job = await registry.open("job");
    job.push({ event: "error", data: "of the user's own" });
    job.push({ data: "after" });
    const origin = await openOrigin(() => registry.stream("job"));
    const { heard, state } = await client.listen(urlOf(origin));
    await eventually(() => expect(dataOf(heard)).toEqual(["after"]), LATE);
    // Only its data tells it from a failed connection.
    expect(heard).toMatchObject([
      { type: "open" },
      { type: "error", data: "of the user's own" },
      { data: "after" },
    ]);
    expect(await state()).toBe(OPEN);
    expect(origin.cursors).toHaveLength(1);
  });

  test("who comes before the stream waits for it, and comes back to wait on", async () => {
    const { registry } = watchedRegistry();
    const origin = await openOrigin(() => registry.stream("job"), { wait: 20 });
    const { heard } = await client.listen(urlOf(await layWire(origin.port)), CONTROL);
    await eventually(() => expect(dataOf(heard, "stream.drain").length).toBeGreaterThan(1), LATE);
    const job = await registry.open("job");
    job.push({ data: "first" });
    await job.end();
    await eventually(() => expect(heard.at(-1)?.state).toBe(CLOSED), LATE);
    expect(new Set(dataOf(heard, "stream.drain"))).toEqual(new Set([`{"reason":"waiting"}`]));
    expect(dataOf(heard)).toEqual(["first"]);
    expect(dataOf(heard, "stream.error")).toEqual([]);
  });

  test("a full server is come back to until there is room", async () => {
    const { registry } = watchedRegistry({ maxConnections: 1 });
    const job = await registry.open("job");
    job.push({ data: "worth it" });
    const origin = await openOrigin(() => registry.stream("job"));
    const occupant = new AbortController();
    const taken = await fetch(urlOf(origin), { signal: occupant.signal });
    expect(taken.status).toBe(200);

    const { heard } = await client.listen(urlOf(await layWire(origin.port)), CONTROL);
    await eventually(() => expect(heard.length).toBeGreaterThan(6), LATE);
    occupant.abort();
    await eventually(() => expect(dataOf(heard)).toEqual(["worth it"]), LATE);
    const sentAway = ["open", "stream.drain", "error"];
    expect(typesOf(heard).slice(0, 6)).toEqual([...sentAway, ...sentAway]);
    expect(new Set(dataOf(heard, "stream.drain"))).toEqual(new Set([`{"reason":"busy"}`]));
    expect(heard.every(({ state }) => state !== CLOSED)).toBe(true);
  });

  test("a server that goes and comes back is a new epoch", async () => {
    const before = watchedRegistry({ random }).registry;
    const after = watchedRegistry().registry;
    const job = await before.open("job");
    job.push({ data: "before" });
    const first = await openOrigin(() => before.stream("job"));
    const { heard } = await client.listen(urlOf(first), CONTROL);
    await eventually(() => expect(typesOf(heard)).toContain("stream.live"), LATE);
    await before.close({ spread: 0 });
    await first.close();
    // The end of its response, and a connection refused.
    const errors = (): number => typesOf(heard).filter((type) => type === "error").length;
    await eventually(() => expect(errors()).toBeGreaterThan(1), LATE);
    expect(dataOf(heard, "stream.drain")).toEqual([`{"reason":"shutdown"}`]);

    const again = await after.open("job");
    again.push({ data: "after" });
    const second = await openOrigin(() => after.stream("job"), {}, first.port);
    await eventually(() => expect(dataOf(heard)).toEqual(["before", "after"]), LATE);
    expect(dataOf(heard, "stream.reset")).toEqual([`{"reason":"epoch","lost":null}`]);
    expect(second.cursors).toEqual([`${job.epoch}.1`]);
  });
}
