import { connect, ConnectionError, ResilientEventSource } from "@holdfast/client";
import { HoldfastError } from "@holdfast/core";
import { expect, onTestFinished, test } from "vitest";
import { openOrigin } from "../event-source/origin.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { watchedRegistry } from "../support/watched-registry.ts";

const random = (): number => 0;
const urlOf = ({ port }: { readonly port: number }): string => `http://127.0.0.1:${port}/stream`;

/** What a loop over the stream gets, and what it is left with. */
async function readAll(url: string): Promise<{ got: string[]; error: unknown }> {
  const got: string[] = [];
  try {
    for await (const { data } of connect(url, { random })) got.push(data);
    return { got, error: undefined };
  } catch (error) {
    return { got, error };
  }
}

test("a stream that was cancelled is no whole one", async () => {
  const { registry } = watchedRegistry();
  const job = await registry.open("job");
  job.push({ data: "half" });
  const origin = await openOrigin(() => registry.stream("job"));
  const reading = readAll(urlOf(origin));
  await eventually(() => expect(job.readers).toBe(1));
  await registry.cancel("job");
  const { got, error } = await reading;
  expect(got).toEqual(["half"]);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ reason: "cancelled", server: undefined });
  // It is known to be over: nobody asks for the 204.
  expect(origin.cursors).toHaveLength(1);
});

test("a stream that has failed says why, behind what it had", async () => {
  const { registry, watch } = watchedRegistry();
  const job = await registry.open("job");
  job.push({ data: "half" });
  const origin = await openOrigin(() => registry.stream("job"));
  await job.fail(new HoldfastError("SOURCE_FAILED", "The model is busy.", { retryable: true }));
  const { got, error } = await readAll(urlOf(origin));
  expect(got).toEqual(["half"]);
  expect(error).toBeInstanceOf(ConnectionError);
  const server = { code: "SOURCE_FAILED", message: "The model is busy.", retryable: true };
  expect(error).toMatchObject({ reason: "failed", message: "The model is busy.", server });
  expect(origin.cursors).toHaveLength(1);
  expect(watch.failed.splice(0)).toHaveLength(1);
});

test("a stream that the database does not know either is refused, once", async () => {
  const { registry } = watchedRegistry({ snapshot: async () => undefined });
  const origin = await openOrigin(() => registry.stream("job"));
  const { got, error } = await readAll(urlOf(origin));
  expect(got).toEqual([]);
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ reason: "refused", status: 404 });
  expect(origin.cursors).toHaveLength(1);
});

test("a server that closes has its clients come back, and none of them sees an error", async () => {
  const { registry } = watchedRegistry({ random });
  const job = await registry.open("job");
  job.push({ data: "here" });
  const url = urlOf(await openOrigin(() => registry.stream("job")));
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
