import { connect, type ConnectionState, ResilientEventSource } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { startStreamServer } from "../support/stream-server.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { testRegistry } from "../support/test-registry.ts";

const random = (): number => 0;

/** A server with a short `wait`, and a proxy that makes its clients reconnect soon. */
async function startServerWithShortWait(): Promise<{ url: string; openStream: () => Promise<void> }> {
  const { registry } = testRegistry();
  const server = await startStreamServer(() => registry.stream("job"), { wait: 20 });
  const { port } = await startCuttingProxy(server.port);
  return {
    url: `http://127.0.0.1:${port}/stream`,
    /** Opens the stream when its client has connected several times. */
    openStream: async (): Promise<void> => {
      await eventually(() => expect(server.cursors.length).toBeGreaterThan(3));
      const job = await registry.open("job");
      for (const data of ["first", "second"]) job.push({ data });
      await job.end();
    },
  };
}

test("a client that connects before the stream exists waits, reconnects to continue to wait, and receives everything", async () => {
  const { url, openStream } = await startServerWithShortWait();
  const states: ConnectionState[] = [];
  const connection = connect(url, { random });
  onTestFinished(connection.close);
  connection.subscribe((state) => states.push(state));
  const [messages] = await Promise.all([Array.fromAsync(connection), openStream()]);
  expect(messages.map(({ data }) => data)).toEqual(["first", "second"]);
  const round = ["open", "waiting", "retrying", "connecting"];
  expect(states.slice(0, 8).map(({ status }) => status)).toEqual([...round, ...round]);
  const retrying = states.filter(({ status }) => status === "retrying");
  expect(new Set(retrying.map((state) => "reason" in state && state.reason))).toEqual(new Set(["waiting"]));
  expect(states.at(-1)).toMatchObject({ status: "closed", reason: "done" });
});

test("waiting dispatches no `error`", async () => {
  const { url, openStream } = await startServerWithShortWait();
  const dispatched: string[] = [];
  const source = new ResilientEventSource(url, { random });
  onTestFinished(() => source.close());
  source.onmessage = ({ data }) => dispatched.push(data);
  source.onerror = () => dispatched.push(`error, ${source.readyState}`);
  await openStream();
  await eventually(() => expect(source.readyState).toBe(source.CLOSED));
  // The only error says that the stream is over.
  await eventually(() => expect(dispatched).toEqual(["first", "second", `error, ${source.CLOSED}`]));
});
