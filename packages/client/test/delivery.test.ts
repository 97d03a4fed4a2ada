import fc from "fast-check";
import { expect, test } from "vitest";
import { connect } from "../src/index.ts";
import { FakeServer } from "./support/fake-server.ts";
import { control, event, optionsOf, URL_OF_JOB } from "./support/follow.ts";

const EPOCH = "k3v9x0q2ma";

/** What one connection is like, as far as the server and the network decide. */
const connections = fc.record({
  /** How many characters come before it is lost. */
  length: fc.nat(600),
  /** How many characters come at a time. */
  chunk: fc.integer({ min: 1, max: 200 }),
  /** How many events are sent that the client has. */
  again: fc.nat(2),
  /** Of which it has forgotten so many, which is told by a reset. */
  trimmed: fc.nat(2),
  ends: fc.boolean(),
  newline: fc.constantFrom("\n", "\r\n", "\r"),
});
type Line = typeof connections extends fc.Arbitrary<infer T> ? T : never;

test("however it is cut, split and repeated, every event comes once, in order, or is told as lost", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme", maxLength: 9 }), { minLength: 1, maxLength: 12 }),
      fc.array(connections, { maxLength: 12 }),
      async (texts, lines) => {
        const data = texts.map((text) => text.replaceAll(/[\r\n]/g, "-"));
        const told: number[] = [];
        const server = new FakeServer();
        server.onRequest = (exchange) => {
          // Behind the last there is a network without faults.
          const line = lines.shift() ?? {
            length: Infinity,
            chunk: 1_000,
            again: 0,
            trimmed: 0,
            ends: true,
            newline: "\n",
          };
          const cursor = exchange.header("last-event-id");
          const text = serve(data, cursor === null ? 0 : Number(cursor.split(".")[1]), line).slice(
            0,
            line.length,
          );
          exchange.open();
          const bytes = new TextEncoder().encode(text);
          for (let at = 0; at < bytes.length; at += line.chunk)
            exchange.sendBytes(bytes.subarray(at, at + line.chunk));
          if (line.ends) exchange.end();
          else exchange.cut();
        };
        const messages: (readonly [string, string])[] = [];
        const connection = connect(
          URL_OF_JOB,
          optionsOf(server, {
            onReset: ({ lost }) => {
              for (let seq = lost?.[0] ?? 0; seq <= (lost?.[1] ?? -1); seq++) told.push(seq);
            },
          }),
        );
        const iteration = (async () => {
          for await (const message of connection) messages.push([message.id, message.data]);
        })();
        await server.clock.advance(600_000);
        await iteration;
        const come = messages.map(([id]) => Number(id.split(".")[1]));
        expect(messages.map(([, text]) => text)).toEqual(come.map((seq) => data[seq - 1]));
        expect(come).toEqual([...come].sort((a, b) => a - b));
        const all = [...come, ...told].sort((a, b) => a - b);
        expect(all).toEqual(data.map((_, index) => index + 1));
        expect(connection.state).toEqual({ status: "closed", reason: "done" });
      },
    ),
    { numRuns: 500 },
  );
});

/** What a server sends to a client that has `have` events. */
function serve(data: readonly string[], have: number, { again, trimmed, newline }: Line): string {
  const lost = Math.min(trimmed, data.length - have);
  const from = lost > 0 ? have + lost : Math.max(have - again, 0);
  const opening = { state: "live", first: 1, last: data.length, heartbeat: 15_000 };
  const reset = { reason: "trimmed", lost: [have + 1, have + lost] };
  return [
    control("open", opening, lost > 0 ? undefined : `${EPOCH}.${have}`),
    lost > 0 ? control("reset", reset, `${EPOCH}.${have + lost}`) : ":\n\n",
    ...data.map((text, index) => event(text, `${EPOCH}.${index + 1}`)).slice(from),
    control("live", {}),
    control("end", { status: "done" }, `${EPOCH}.${data.length + 1}.end`),
  ]
    .join("")
    .replaceAll("\n", newline);
}
