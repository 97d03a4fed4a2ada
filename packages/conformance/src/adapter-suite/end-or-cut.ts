import assert from "node:assert/strict";
import { assertRetry } from "../harness/expectations.ts";
import { eventually } from "../harness/eventually.ts";
import type { RemoteServer } from "../harness/remote-server.ts";
import type { Suite } from "../harness/suite.ts";
import { type BareName, SECRET } from "../subject/bare-sources.ts";
import type { ControlName, TestServerOptions } from "../subject/route.ts";
import type { Client } from "../wire/client.ts";
import { dataOf, eventsOf, type Frame, framesNamed, framesOf } from "../wire/frames.ts";

const CONTROLS: [ControlName, string][] = [
  [true, "with `control: true`"],
  [false, "with `control: false`"],
  ["function", "with a `control` function"],
];

/**
 * Only what is over for good may look like the end of the response to a client that gets no control events. Everything
 * else is cut behind its last bytes: such a client reconnects, or reports a failure.
 */
export function endOrCut(suite: Suite): void {
  for (const [control, name] of CONTROLS) {
    const ending = control === true ? "end cleanly" : "be cut";
    streams(suite, control, ending, name);
    drains(suite, control, ending, name);
    bareSources(suite, control, ending, name);
  }
}

/** A way in which a stream ends. */
interface StreamEnding {
  readonly status: string;
  readonly registry?: TestServerOptions["registry"];
  readonly end: (server: RemoteServer) => Promise<unknown>;
  /** Whether it ends only without readers. */
  readonly withoutReaders?: boolean;
}

const streamEndings: StreamEnding[] = [
  { status: "done", end: (server) => server.end("job") },
  { status: "failed", end: (server) => server.fail("job", SECRET, false) },
  { status: "cancelled", end: (server) => server.cancel("job", "user") },
  {
    status: "expired",
    registry: { idle: 20 },
    withoutReaders: true,
    end: (server) => eventually(async () => assert.equal((await server.info("job"))?.status, "expired")),
  },
];

function streams(
  { test, assertCutInOrder }: Suite,
  control: ControlName,
  ending: string,
  name: string,
): void {
  for (const { status, registry = {}, end, withoutReaders = false } of streamEndings) {
    const how = status === "done" ? "end cleanly" : ending;
    test(`a stream that is ${status} MUST ${how} behind its terminal id, and then be answered with 204: ${name}`, async (start) => {
      const server = await start({ registry });
      const epoch = await server.open("job");
      await server.push("job", [{ data: "one" }]);
      const path = await server.serve({ stream: "job", options: { control } });
      const clients: Client[] = [];
      if (!withoutReaders) {
        const connected = await server.get(path);
        await connected.until("data: one\n\n");
        clients.push(connected);
      }
      await end(server);
      // On a busy machine a stream may expire before its first event.
      const { last = 1 } = (await server.info("job")) ?? {};
      const terminalId = `${epoch}.${last + 1}.end`;
      clients.push(await server.get(path));
      for (const client of clients) {
        if (how === "be cut") await assertCutInOrder(client);
        else assert.equal(await client.finished(), "ended");
        assert.deepEqual(framesOf(client.text).at(-1), terminalBlock(control, terminalId, status));
        assert(!client.text.includes(SECRET));
      }
      assert.equal((await resume(server, path, terminalId)).status, 204);
      await server.clearFailures();
    });
  }

  const answer = control === true ? "the end of the stream" : "204";
  test(`a cursor that is the last event of an ended stream MUST be answered with ${answer}: ${name}`, async (start) => {
    const server = await start();
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    await server.end("job");
    const path = await server.serve({ stream: "job", options: { control } });
    const client = await resume(server, path, `${epoch}.1`);
    assert.equal(await client.finished(), "ended");
    assert.equal(client.status, control === true ? 200 : 204);
  });

  const resetHow =
    control === true ? "told that it starts over" : "cut, and start over with its next request";
  test(`a client whose events are void MUST be ${resetHow}: ${name}`, async (start) => {
    const server = await start();
    const before = await server.open("job");
    await server.push("job", [{ data: "old" }]);
    const path = await server.serve({ stream: "job", options: { control } });
    const first = await server.get(path);
    await first.until("data: old\n\n");
    const after = await server.open("job", { ifExists: "replace" });
    await server.push("job", [{ data: "new" }]);
    let client = first;
    if (control === true) {
      await first.until("data: new\n\n");
      assert.deepEqual(dataOf(first.text, "stream.reset"), { reason: "epoch", lost: null });
    } else {
      await assertCutInOrder(first);
      // Ids are random: they may have any letters.
      assert(!first.text.includes("data: new"));
      client = await resume(server, path, `${before}.1`);
    }
    await server.end("job");
    assert.equal(await client.finished(), "ended");
    assert.deepEqual(
      eventsOf(client.text)
        .filter(({ data }) => data === "new")
        .map(({ id }) => id),
      [`${after}.1`],
    );
  });

  test(`an interrupted stream MUST keep its connection open until it is done: ${name}`, async (start) => {
    const server = await start({ registry: { retryWindow: 60_000 } });
    await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const client = await server.get(await server.serve({ stream: "job", options: { control } }));
    await client.until("data: one\n\n");
    await server.fail("job", SECRET, false);
    if (control === true) await client.until("INTERRUPTED");
    await server.open("job", { ifExists: "append" });
    await server.push("job", [{ data: "two" }]);
    await server.end("job");
    assert.equal(await client.finished(), "ended");
    const data = eventsOf(client.text).map((event) => event.data);
    assert.deepEqual(
      data.filter((text) => text === "one" || text === "two"),
      ["one", "two"],
    );
    assert.deepEqual(framesNamed(client.text, "stream.reset"), []);
    await server.clearFailures();
  });
}

function drains({ test, assertCutInOrder }: Suite, control: ControlName, ending: string, name: string): void {
  const finished = async (client: Client, reason: string): Promise<void> => {
    if (control === true) assert.equal(await client.finished(), "ended");
    else await assertCutInOrder(client);
    const { retry, ...rest } = framesOf(client.text).at(-1) ?? {};
    assertRetry(retry, 1_000, 7_000);
    assert.deepEqual(rest, control === true ? { event: "stream.drain", data: `{"reason":"${reason}"}` } : {});
  };

  test(`a drained connection MUST ${ending} behind its \`retry:\`, and resume: ${name}`, async (start) => {
    const server = await start({ registry: { maxDuration: 30 } });
    const epoch = await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const path = await server.serve({ stream: "job", options: { control } });
    const client = await server.get(path);
    await finished(client, "max-duration");
    await server.push("job", [{ data: "two" }]);
    const back = await resume(server, path, `${epoch}.1`);
    await finished(back, "max-duration");
    assert.deepEqual(
      eventsOf(back.text).map(({ data }) => data),
      ["two"],
    );
  });

  test(`the connections of a registry that closes MUST ${ending} behind their \`retry:\`: ${name}`, async (start) => {
    const server = await start();
    await server.open("job");
    await server.push("job", [{ data: "one" }]);
    const reader = await server.get(await server.serve({ stream: "job", options: { control } }));
    await reader.until("data: one\n\n");
    const waiting = await server.get(await server.serve({ stream: "later", options: { control } }));
    await server.until(({ gauges }) => assert.equal(gauges.waiting, 1));
    await server.closeRegistry();
    await finished(reader, "shutdown");
    await finished(waiting, "shutdown");
  });

  test(`a drained bare source MUST ${ending} behind its \`retry:\`: ${name}`, async (start) => {
    const server = await start();
    const path = await server.serve({ bare: "pushingOne", signal: "login", options: { control } });
    const client = await server.get(path);
    await client.until("data: one\n\n");
    await server.abort("login");
    await finished(client, "aborted");
  });
}

/** A way in which a bare source fails. */
interface BareFailure {
  readonly name: string;
  readonly bare: BareName;
  readonly method?: string;
  /** The error that clients are told, if they shall not reconnect. */
  readonly final?: { readonly code: string; readonly message: string };
  /** The reconnection time in ms. */
  readonly retry?: readonly [min: number, max: number];
}

const SOURCE_FAILED = { code: "SOURCE_FAILED", message: "The stream failed." };

const bareFailures: BareFailure[] = [
  { name: "throws", bare: "throwingGenerator" },
  { name: "throws a retryable error", bare: "throwingRetryable", retry: [2_000, 2_000] },
  { name: "fails", bare: "failing" },
  { name: "sends what cannot be encoded", bare: "invalidEvent" },
  {
    name: "throws an error of its own that is not retryable",
    bare: "throwingForGood",
    final: { code: "GONE", message: "The report was deleted." },
  },
  {
    name: "fails with an error of its own that is not retryable",
    bare: "failingForGood",
    final: { code: "GONE", message: "The report was deleted." },
  },
  { name: "throws on a POST", bare: "throwingGenerator", method: "POST", final: SOURCE_FAILED },
];

function bareSources(
  { test, assertCutInOrder }: Suite,
  control: ControlName,
  ending: string,
  name: string,
): void {
  for (const [what, bare] of [
    ["returns", "generator"],
    ["closes", "pushing"],
  ] as const) {
    test(`a bare source that ${what} MUST end cleanly with a terminal id, and then be answered with 204: ${name}`, async (start) => {
      const server = await start();
      const path = await server.serve({ bare, options: { control } });
      const client = await server.get(path);
      assert.equal(await client.finished(), "ended");
      const { id = "" } = framesOf(client.text).at(-1) ?? {};
      assert.deepEqual(framesOf(client.text).at(-1), terminalBlock(control, id, "done"));
      assert.match(id, TERMINAL_ID);
      assert.equal((await resume(server, path, id)).status, 204);
    });
  }

  for (const { name: what, bare, method = "GET", final, retry = [5_000, 30_000] } of bareFailures) {
    const behind = final === undefined ? "its `retry:`, without a terminal id" : "a terminal id";
    test(`a bare source that ${what} MUST ${ending} behind ${behind}: ${name}`, async (start) => {
      const server = await start();
      const path = await server.serve({ bare, options: { control } });
      const client = await server.get(path, { method });
      if (control === true) assert.equal(await client.finished(), "ended");
      else await assertCutInOrder(client);
      assert(client.text.includes("data: before\n\n"));
      assert(!client.text.includes(SECRET));
      const frames = framesOf(client.text);
      const last = frames.at(-1) ?? {};
      if (final === undefined) {
        assertRetry(last.retry, ...retry);
        assert(frames.every(({ id }) => id === undefined));
        if (control === true) {
          const { retryable, retryAfter } = JSON.parse(last.data ?? "") as Record<string, unknown>;
          assert.deepEqual([last.event, retryable, retryAfter], ["stream.error", true, Number(last.retry)]);
        }
      } else {
        const { id = "" } = last;
        assert.deepEqual(last, terminalBlock(control, id, "failed"));
        assert.match(id, TERMINAL_ID);
        if (control === true) {
          assert.deepEqual(dataOf(client.text, "stream.error"), { ...final, retryable: false });
        }
        assert.equal((await resume(server, path, id)).status, 204);
      }
      await server.until(({ closed }) => assert.equal(closed[0]?.reason, "failed"));
      await server.clearFailures();
    });
  }
}

const TERMINAL_ID = /^[0-9a-z]{10}\.0\.end$/;

/** The last block of a response whose stream is over for good. */
function terminalBlock(control: ControlName, id: string, status: string): Frame {
  if (control === false) return { id };
  return control === true
    ? { event: "stream.end", id, data: `{"status":"${status}"}` }
    : { id, data: `[${status}]` };
}

function resume(server: RemoteServer, path: string, cursor: string): Promise<Client> {
  return server.get(path, { headers: { "last-event-id": cursor } });
}
