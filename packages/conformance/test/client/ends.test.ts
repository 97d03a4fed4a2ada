import { connect, ConnectionError, ResilientEventSource } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { startStreamServer } from "../support/stream-server.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { testRegistry } from "../support/test-registry.ts";

// Covers packages/client/src over real HTTP: what it does at the end of a stream.

const random = (): number => 0;
const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;

/** What a loop over the stream receives, and the error that ends it. */
async function readAll(url: string): Promise<{ received: string[]; error: unknown }> {
  const received: string[] = [];
  try {
    for await (const { data } of connect(url, { random })) received.push(data);
    return { received, error: undefined };
  } catch (error) {
    return { received, error };
  }
}

test("reading a cancelled stream throws", async () => {
  const { registry } = testRegistry();
  const job = await registry.open("job");
  job.push({ data: "half" });
  const streamServer = await startStreamServer(() => registry.stream("job"));
  const reading = readAll(urlOf(streamServer));
  await eventually(() => expect(job.readers).toBe(1));
  await registry.cancel("job");
  const { received, error } = await reading;
  expect(received).toEqual(["half"]);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ reason: "cancelled", server: undefined });
  // The client knows that the stream is over, so it does not reconnect to receive a 204.
  expect(streamServer.cursors).toHaveLength(1);
});

test("reading a failed stream yields its events, and then throws its error", async () => {
  const { registry, recorded } = testRegistry();
  const job = await registry.open("job");
  job.push({ data: "half" });
  const streamServer = await startStreamServer(() => registry.stream("job"));
  await job.fail(new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true }));
  const { received, error } = await readAll(urlOf(streamServer));
  expect(received).toEqual(["half"]);
  expect(error).toBeInstanceOf(ConnectionError);
  const server = { code: "SOURCE_FAILED", message: "The model is busy.", retryable: false };
  expect(error).toMatchObject({ reason: "failed", message: "The model is busy.", server });
  expect(streamServer.cursors).toHaveLength(1);
  expect(recorded.failed.splice(0)).toHaveLength(1);
});

test("a stream that does not exist in the database is refused, and the client does not retry", async () => {
  const { registry } = testRegistry({ snapshot: async () => undefined });
  const streamServer = await startStreamServer(() => registry.stream("job"));
  const { received, error } = await readAll(urlOf(streamServer));
  expect(received).toEqual([]);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ reason: "refused", status: 404 });
  expect(streamServer.cursors).toHaveLength(1);
});

test("clients reconnect to a server that closes, without an error", async () => {
  const { registry } = testRegistry({ random });
  const job = await registry.open("job");
  job.push({ data: "here" });
  const url = urlOf(await startStreamServer(() => registry.stream("job")));
  const errors: unknown[] = [];
  const connection = connect(url, { random, onServerError: (error) => errors.push(error) });
  const source = new ResilientEventSource(url, { random });
  source.onerror = (error) => errors.push(error);
  onTestFinished(() => {
    connection.close();
    source.close();
  });
  expect(await connection.next()).toMatchObject({ value: { data: "here" } });
  const next = connection.next();
  await eventually(() =>
    expect([connection, source].map(({ state }) => state.status)).toEqual(["live", "live"]),
  );

  await registry.close({ spread: 0 });
  const drained = {
    status: "retrying",
    attempt: 1,
    delay: 1_000,
    isAsked: true,
    reason: "shutdown",
    message: "",
  };
  await eventually(() => expect([connection, source].map(({ state }) => state)).toEqual([drained, drained]));
  expect(source.readyState).toBe(source.CONNECTING);
  expect(errors).toEqual([]);
  connection.close();
  expect(await next).toEqual({ done: true });
});
