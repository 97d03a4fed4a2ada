import { connect, type ConnectionState, ResilientEventSource } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { startStreamServer } from "../support/stream-server.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { clockWithFakeTimers } from "../support/fake-timers.ts";
import { shortDelays } from "../support/short-delays.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/client/src over real HTTP: how it waits for a stream.

const random = (): number => 0;
const clock = shortDelays();

const WAIT = 90_000;
const DRAINS = 3;

interface WaitingServer {
  readonly url: string;
  /** Drains a waiting client three times, and then opens its stream. */
  readonly drainAndOpen: (client: { readonly state: ConnectionState }) => Promise<void>;
}

/** A server whose `wait` passes when the test says so. */
async function startWaitingServer(): Promise<WaitingServer> {
  const serverClock = clockWithFakeTimers();
  const { registry } = testRegistry({ clock: serverClock });
  const server = await startStreamServer(() => registry.stream("job"), { wait: WAIT });
  const { port } = await startCuttingProxy(server.port);
  return {
    url: `http://127.0.0.1:${port}/stream`,
    async drainAndOpen(client) {
      for (let drains = 0; drains < DRAINS; drains++) {
        await eventually(() =>
          expect([server.cursors.length, client.state.status]).toEqual([drains + 1, "waiting"]),
        );
        await serverClock.advance(WAIT);
      }
      const job = await registry.open("job");
      for (const data of ["first", "second"]) job.push({ data });
      await job.end();
    },
  };
}

test("a client that connects before the stream exists waits, reconnects to continue to wait, and receives everything", async () => {
  const { url, drainAndOpen } = await startWaitingServer();
  const states: ConnectionState[] = [];
  const connection = connect(url, { random, clock });
  onTestFinished(connection.close);
  connection.subscribe((state) => states.push(state));
  const [messages] = await Promise.all([Array.fromAsync(connection), drainAndOpen(connection)]);
  expect(messages.map(({ data }) => data)).toEqual(["first", "second"]);
  const round = ["open", "waiting", "retrying", "connecting"];
  expect(states.slice(0, 8).map(({ status }) => status)).toEqual([...round, ...round]);
  const retrying = states.filter(({ status }) => status === "retrying");
  expect(new Set(retrying.map((state) => "reason" in state && state.reason))).toEqual(new Set(["waiting"]));
  expect(states.at(-1)).toMatchObject({ status: "closed", reason: "done" });
});

test("waiting dispatches no `error`", async () => {
  const { url, drainAndOpen } = await startWaitingServer();
  const dispatched: string[] = [];
  const source = new ResilientEventSource(url, { random, clock });
  onTestFinished(() => source.close());
  source.onmessage = ({ data }) => dispatched.push(data);
  source.onerror = () => dispatched.push(`error, ${source.readyState}`);
  await drainAndOpen(source);
  await eventually(() => expect(source.readyState).toBe(source.CLOSED));
  // The only error says that the stream is over.
  await eventually(() => expect(dispatched).toEqual(["first", "second", `error, ${source.CLOSED}`]));
});
