import fc from "fast-check";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { FakeServer } from "./support/fake-server.ts";
import { control, event, optionsOf, URL_OF_JOB } from "./support/follow.ts";

const EPOCH = "k3v9x0q2ma";

/** How the server and the network treat one connection. */
const connections = fc.record({
  /** The number of characters before the connection is lost. */
  length: fc.nat(600),
  /** The number of bytes that arrive at a time. */
  chunk: fc.integer({ min: 1, max: 200 }),
  /** The number of events that are sent although the client has them. */
  repeated: fc.nat(2),
  /** The number of events that the server has trimmed, which it reports with a reset. */
  trimmed: fc.nat(2),
  ends: fc.boolean(),
  newline: fc.constantFrom("\n", "\r\n", "\r"),
});
type ConnectionFaults = typeof connections extends fc.Arbitrary<infer T> ? T : never;

test("however a stream is cut, split and repeated, every event is delivered once, in order, or reported as lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme", maxLength: 9 }), { minLength: 1, maxLength: 12 }),
      fc.array(connections, { maxLength: 12 }),
      async (texts, faults) => {
        const data = texts.map((text) => text.replaceAll(/[\r\n]/g, "-"));
        const lostSeqs: number[] = [];
        const server = new FakeServer();
        server.onRequest = (exchange) => {
          // After the last faulty connection, the network is perfect.
          const fault = faults.shift() ?? {
            length: Infinity,
            chunk: 1_000,
            repeated: 0,
            trimmed: 0,
            ends: true,
            newline: "\n",
          };
          const cursor = exchange.header("last-event-id");
          const text = serve(data, cursor === null ? 0 : Number(cursor.split(".")[1]), fault).slice(
            0,
            fault.length,
          );
          exchange.open();
          const bytes = new TextEncoder().encode(text);
          for (let at = 0; at < bytes.length; at += fault.chunk)
            exchange.sendBytes(bytes.subarray(at, at + fault.chunk));
          if (fault.ends) exchange.end();
          else exchange.cut();
        };
        const messages: (readonly [string, string])[] = [];
        const connection = connect(
          URL_OF_JOB,
          optionsOf(server, {
            onReset: ({ lost }) => {
              for (let seq = lost?.[0] ?? 0; seq <= (lost?.[1] ?? -1); seq++) lostSeqs.push(seq);
            },
          }),
        );
        const iteration = (async () => {
          for await (const message of connection) messages.push([message.id, message.data]);
        })();
        await server.clock.advance(600_000);
        await iteration;
        const received = messages.map(([id]) => Number(id.split(".")[1]));
        expect(messages.map(([, text]) => text)).toEqual(received.map((seq) => data[seq - 1]));
        expect(received).toEqual([...received].sort((a, b) => a - b));
        const all = [...received, ...lostSeqs].sort((a, b) => a - b);
        expect(all).toEqual(data.map((_, index) => index + 1));
        expect(connection.state).toEqual({ status: "closed", reason: "done" });
      },
    ),
    { numRuns: 500 },
  );
});

/** The response to a client that has the first `known` events. */
function serve(
  data: readonly string[],
  known: number,
  { repeated, trimmed, newline }: ConnectionFaults,
): string {
  const lost = Math.min(trimmed, data.length - known);
  const from = lost > 0 ? known + lost : Math.max(known - repeated, 0);
  const open = { state: "live", first: 1, last: data.length, heartbeat: 15_000 };
  const reset = { reason: "trimmed", lost: [known + 1, known + lost] };
  return [
    control("open", open, lost > 0 ? undefined : `${EPOCH}.${known}`),
    lost > 0 ? control("reset", reset, `${EPOCH}.${known + lost}`) : ":\n\n",
    ...data.map((text, index) => event(text, `${EPOCH}.${index + 1}`)).slice(from),
    control("live", {}),
    control("end", { status: "done" }, `${EPOCH}.${data.length + 1}.end`),
  ]
    .join("")
    .replaceAll("\n", newline);
}
