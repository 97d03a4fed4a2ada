import { createRegistry, type RegistryOptions } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { createSession } from "better-sse";
import { describe, expect, onTestFinished, test } from "vitest";
import { runTail, type RunningTail } from "./support/run-tail.ts";
import {
  beginStream,
  cursorOf,
  eventText,
  numbersAfter,
  startNumberedServer,
  startServer,
} from "./support/servers.ts";

/** Often enough to cut several connections in a test; each has its events with its head. */
const CUT = ["--cut-every", "0.2"];

const eventsOf = ({ records }: RunningTail): unknown[] =>
  records.filter(({ type }) => type === "event").map(({ data }) => data);
const statesOf = ({ records }: RunningTail): unknown[] =>
  records.filter(({ type }) => type === "state").map(({ status }) => status);
const findingsOf = ({ records }: RunningTail): unknown[] =>
  records.flatMap(({ type, ...finding }) => (type === "finding" ? [finding] : []));

/** A registry, and the URL that serves its stream "a". Its observer is silent. */
async function startHoldfast(options: RegistryOptions = {}) {
  const silent = { failed: () => undefined, warned: () => undefined };
  const jobs = createRegistry({ observer: silent, ...options });
  let onRequest = (_count: number): void => undefined;
  let requests = 0;
  const url = await startServer((req, res) => {
    void sse(req, res, jobs.stream("a"));
    onRequest(++requests);
  });
  onTestFinished(() => jobs.close({ deadline: 0 }));
  return { jobs, url, onRequest: (listener: (count: number) => void) => void (onRequest = listener) };
}

describe("from a holdfast server", () => {
  test("it prints events and states until the end, in order", async () => {
    const { jobs, url } = await startHoldfast();
    const writer = await jobs.open("a");
    writer.push({ event: "progress", data: { done: 1 } });
    const tail = runTail(url);
    await tail.until(`progress {"done":1}`);
    writer.push({ data: "two\nlines" });
    await writer.end();
    expect(await tail.ended).toBe(0);
    const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`;
    expect(tail.out).toMatch(
      new RegExp(
        `^${time} ${writer.epoch}.1 progress {"done":1}\n${time} ${writer.epoch}.2 message two\n    lines\n$`,
      ),
    );
    expect(tail.err.replaceAll(new RegExp(`${time} |in [\\d.]+ s`, "g"), "")).toBe(
      ["-- connecting", "-- open", "-- replaying", "-- live", "-- ended: done"].join("\n") +
        "\n== 2 events , 1 connection\n== nothing lost, nothing doubled\n",
    );
  });

  test("it shows that it waits for a stream", async () => {
    const { jobs, url } = await startHoldfast();
    const tail = runTail(url, "--json");
    await tail.until(`"waiting"`);
    await (await jobs.open("a")).end();
    expect(await tail.ended).toBe(0);
    expect(statesOf(tail)).toEqual(["connecting", "open", "waiting", "replaying", "ended"]);
  });

  test("it cuts its own connection again and again, and nothing is lost or doubled", async () => {
    const { jobs, url, onRequest } = await startHoldfast();
    const writer = await jobs.open("a");
    let pushed = 0;
    onRequest((count) => {
      for (let n = 0; n < 20; n++) writer.push({ data: String(++pushed) });
      if (count === 4) void writer.end();
    });
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(0);
    expect(eventsOf(tail)).toEqual(Array.from({ length: 80 }, (_, n) => String(n + 1)));
    expect(findingsOf(tail)).toEqual([]);
    const summary = tail.records.at(-1);
    expect(summary).toMatchObject({ type: "summary", events: 80, lost: 0, doubled: 0 });
    expect(summary?.["cuts"]).toBeGreaterThanOrEqual(3);
  });

  test("it reports events that the server declares lost", async () => {
    const { jobs, url } = await startHoldfast({ buffer: { events: 3 } });
    const writer = await jobs.open("a");
    for (let n = 1; n <= 9; n++) writer.push({ data: String(n) });
    const tail = runTail(url, "--json", "--last-event-id", `${writer.epoch}.2`);
    await tail.until(`"9"`);
    await writer.end();
    expect(await tail.ended).toBe(3);
    expect(findingsOf(tail)).toEqual([{ kind: "reset", reason: "trimmed", lost: [3, 6] }]);
    expect(tail.records.at(-1)).toMatchObject({ lost: 4 });
  });

  test("a failed stream is a failed end", async () => {
    const { jobs, url } = await startHoldfast();
    const writer = await jobs.open("a");
    await writer.fail(new Error("secret"));
    const tail = runTail(url);
    expect(await tail.ended).toBe(1);
    expect(tail.err).toMatch(/!! The server reports \w+: /);
    expect(tail.err).toContain("-- ended: failed");
    expect(tail.err).not.toContain("secret");
  });

  test("a server that closes is left with --no-reconnect, without an error", async () => {
    const { jobs, url } = await startHoldfast();
    (await jobs.open("a")).push({ data: "x" });
    const tail = runTail(url, "--no-reconnect");
    await tail.until("message x");
    await jobs.close();
    expect(await tail.ended).toBe(0);
    expect(tail.err).toContain("-- drained: shutdown");
  });
});

describe("from better-sse", () => {
  /** As `startNumberedServer`, but by better-sse. */
  function startNumberedBetterSse(replay: (numbers: number[], cursor: string) => number[]): Promise<string> {
    return startServer((req, res) => {
      const cursor = cursorOf(req);
      if (Number(cursor) >= 30) return void res.writeHead(204).end();
      void createSession(req, res, { serializer: String }).then((session) =>
        session.batch((buffer) => {
          for (const number of replay(numbersAfter(cursor, 10), cursor)) {
            buffer.push(`event ${number}`, "message", String(number));
          }
        }),
      );
    });
  }

  test("that replays what was missed, nothing is lost", async () => {
    const url = await startNumberedBetterSse((numbers) => numbers);
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(0);
    expect(eventsOf(tail)).toEqual(numbersAfter("0", 30).map((number) => `event ${number}`));
    expect(tail.records.at(-1)).toMatchObject({ type: "summary", lost: 0, doubled: 0 });
  });

  test("that replays one event too many, it is doubled", async () => {
    const url = await startNumberedBetterSse((numbers, cursor) =>
      cursor === "" ? numbers : [Number(cursor), ...numbers],
    );
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(3);
    expect(findingsOf(tail)).toEqual([
      { kind: "double", id: "10" },
      { kind: "double", id: "20" },
    ]);
  });
});

describe("from a server that loses events", () => {
  test("when a client resumes, every third one", async () => {
    const url = await startNumberedServer((numbers, cursor) =>
      cursor === "" ? numbers : numbers.filter((number) => number % 3 !== 0),
    );
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(3);
    expect(findingsOf(tail).slice(0, 3)).toEqual(
      [12, 15, 18].map((number) => ({ kind: "gap", from: number, to: number })),
    );
    expect(eventsOf(tail)).not.toContain("event 12");
  });

  test("between two connections", async () => {
    const url = await startNumberedServer((numbers, cursor) =>
      cursor === "10" ? numbers.slice(4) : numbers,
    );
    const tail = runTail(url, ...CUT);
    expect(await tail.ended).toBe(3);
    expect(tail.err).toContain("!! LOST events 11 to 14: the server left them out and did not say so");
    expect(tail.err).toMatch(/== 4 lost\n$/);
  });

  test("and does not end: Ctrl-C sums up, and the exit code says it", async () => {
    const url = await startServer((_req, res) => {
      beginStream(res).write([1, 2, 3, 4, 6].map((number) => eventText(number)).join(""));
    });
    const tail = runTail(url);
    await tail.until("event 6");
    tail.process.kill("SIGINT");
    expect(await tail.ended).toBe(3);
    expect(tail.err).toMatch(/== 5 events in [\d.]+ s, 1 connection\n.* == 1 lost\n$/);
  });

  test("but says that there are holes: they are counted apart", async () => {
    const url = await startNumberedServer((numbers) =>
      numbers.filter((number) => number % 5 !== 0 || number === 30),
    );
    const tail = runTail(url, "--json", "--allow-holes", ...CUT);
    expect(await tail.ended).toBe(0);
    expect(tail.records.at(-1)).toMatchObject({ lost: 0, holes: expect.any(Number) });
  });
});

describe("from a server that takes no notice of the cursor", () => {
  test("it finds that the stream has started again, and each double", async () => {
    const url = await startServer((req, res) => {
      if (cursorOf(req) === "d") return void res.writeHead(204).end();
      const ids = cursorOf(req) === "" ? ["a", "b", "c"] : ["a", "b", "c", "d"];
      beginStream(res).write(ids.map((id) => eventText(id)).join(""));
    });
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(3);
    expect(findingsOf(tail)).toEqual([
      { kind: "restart", cursor: "c" },
      ...["a", "b", "c"].map((id) => ({ kind: "double", id })),
    ]);
  });

  test("it finds that a stream that has ended is sent again, when the server cannot say that it is over", async () => {
    let requests = 0;
    const url = await startServer((_req, res) => {
      if (++requests === 3) return void res.writeHead(204).end();
      beginStream(res).end(eventText(1) + eventText(2));
    });
    const tail = runTail(url, "--json");
    expect(await tail.ended).toBe(3);
    expect(statesOf(tail)).toContain("retrying");
    expect(findingsOf(tail)).toContainEqual({ kind: "restart", cursor: "2" });
  });

  test("it finds ids that go backwards, and ids that are used again for other events", async () => {
    const url = await startServer((req, res) => {
      const cursor = cursorOf(req);
      if (cursor === "12") return void res.writeHead(204).end();
      const numbers = cursor === "" ? [8, 9, 10, 11] : [7, 8, 12];
      beginStream(res).write(numbers.map((number) => eventText(number, `behind ${cursor}`)).join(""));
    });
    const tail = runTail(url, "--json", ...CUT);
    expect(await tail.ended).toBe(3);
    expect(findingsOf(tail)).toEqual([
      { kind: "backwards", id: "7", after: "11" },
      { kind: "reused", id: "8" },
    ]);
  });
});

test("nothing of a hostile server reaches the terminal as a control character", async () => {
  const hostile = "\u001b[2J\u001b]0;pwned\u0007\u009b31m\u202e";
  const url = await startServer((_req, res) => {
    beginStream(res).end(
      `event: ${hostile}\nid: ${hostile}\ndata: ${hostile}\n\n` +
        `event: stream.error\ndata: ${JSON.stringify({ code: hostile, message: hostile })}\n\n` +
        `event: stream.error\ndata: {"message":{"toString":1}}\n\n` +
        `event: stream.end\ndata: ${JSON.stringify({ status: hostile })}\n\n`,
    );
  });
  const tail = runTail(url);
  expect(await tail.ended).toBe(1);
  expect(tail.out + tail.err).toMatch(/^[\x20-\x7e\n]*$/);
  expect(tail.out).toContain("\\u001b[2J");
  expect(tail.err).toContain(`The server reports ?: {"toString":1}`);
});

test("Ctrl-C is a clean end of a stream without losses; the summary comes last", async () => {
  const url = await startServer((_req, res) => void beginStream(res).write(eventText(1)));
  const tail = runTail(url);
  await tail.until("event 1");
  tail.process.kill("SIGINT");
  expect(await tail.ended).toBe(0);
  expect(tail.err).toMatch(/== 1 event in [\d.]+ s, 1 connection\n.* == nothing lost, nothing doubled\n$/);
});
