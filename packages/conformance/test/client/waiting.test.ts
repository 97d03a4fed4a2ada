import { connect, type ConnectionState, ResilientEventSource } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { openOrigin } from "../event-source/origin.ts";
import { layWire } from "../event-source/wire.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

const random = (): number => 0;

/** A server that keeps nobody waiting for longer than a moment, and soon has them back. */
async function openImpatientServer(): Promise<{ url: string; openStream: () => Promise<void> }> {
  const { registry } = watchedRegistry();
  const origin = await openOrigin(() => registry.stream("job"), { wait: 20 });
  const { port } = await layWire(origin.port);
  return {
    url: `http://127.0.0.1:${port}/stream`,
    /** Opens the stream when its client has come several times. */
    openStream: async (): Promise<void> => {
      await eventually(() => expect(origin.cursors.length).toBeGreaterThan(3));
      const job = await registry.open("job");
      for (const data of ["first", "second"]) job.push({ data });
      await job.end();
    },
  };
}

test("who comes before the stream waits for it, comes back to wait on, and gets everything", async () => {
  const { url, openStream } = await openImpatientServer();
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

test("waiting is no `error`", async () => {
  const { url, openStream } = await openImpatientServer();
  const heard: string[] = [];
  const source = new ResilientEventSource(url, { random });
  onTestFinished(() => source.close());
  source.onmessage = ({ data }) => heard.push(data);
  source.onerror = () => heard.push(`error, ${source.readyState}`);
  await openStream();
  await eventually(() => expect(source.readyState).toBe(source.CLOSED));
  // The only one says that it is over.
  await eventually(() => expect(heard).toEqual(["first", "second", `error, ${source.CLOSED}`]));
});
