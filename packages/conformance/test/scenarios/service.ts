import { createServer } from "node:http";
import {
  type AnyEvents,
  createRegistry,
  type Observer,
  type Registry,
  type RegistryOptions,
} from "@holdfast/core";
import type { FakeClock } from "@holdfast/core/testing";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished } from "vitest";
import { listen } from "@holdfast/conformance";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/harness/eventually.ts";
import { type Frame, framesOf } from "../../src/wire/frames.ts";
import { clockWithFakeTimers } from "../support/fake-timers.ts";

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** A service on a real HTTP server, with a fake clock. */
export interface Service {
  readonly registry: Registry;
  readonly clock: FakeClock;
  readonly port: number;
  readonly closed: Info<"connectionClosed">[];
  readonly warned: Info<"warned">[];
  readonly failed: Info<"failed">[];
  /** Connects a client to the stream `id`, and waits for the response headers. */
  readonly connect: (id: string, cursor?: string) => Promise<Http1Client>;
  /** Connects a client to the stream `id`, without waiting for a response. */
  readonly send: (id: string, cursor?: string) => Http1Client;
}

/** Starts a service for one test. When the test is finished and its clients have disconnected, nothing is left in it. */
export async function startService(
  options: (clock: FakeClock) => RegistryOptions = () => ({}),
): Promise<Service> {
  const clock = clockWithFakeTimers();
  const closed: Service["closed"] = [];
  const warned: Service["warned"] = [];
  const failed: Service["failed"] = [];
  const registry = createRegistry<AnyEvents>({
    clock,
    observer: {
      connectionClosed: (info) => void closed.push(info),
      warned: (info) => void warned.push(info),
      failed: (info) => void failed.push(info),
    },
    ...options(clock),
  });
  const server = createServer((req, res) => {
    const [id = ""] = (req.url ?? "").slice(1).split("?");
    void sse(req, res, registry.stream(decodeURIComponent(id)));
  });
  const { port, close } = await listen(server);
  const clients: Http1Client[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.cut();
    await eventually(() => expect(registry.gauges().connections).toBe(0));
    await registry.close();
    await close();
    expect(registry.gauges()).toEqual({ connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
    expect(clock.timers).toBe(0);
  });
  const send = (id: string, cursor?: string): Http1Client => {
    const headers = cursor === undefined ? {} : { "last-event-id": cursor };
    const client = sendHttp1(port, { path: `/${encodeURIComponent(id)}`, headers });
    clients.push(client);
    return client;
  };
  return {
    registry,
    clock,
    port,
    closed,
    warned,
    failed,
    send,
    connect: (id, cursor) => send(id, cursor).answered(),
  };
}

/** What a client received: the names of control events, and the names and data of the user's events: `token Hello`. */
export function eventNames({ text }: { readonly text: string }): string[] {
  return framesOf(text)
    .filter(({ event, data }) => event !== undefined && data !== undefined)
    .map(({ event = "", data = "" }) => (event.startsWith("stream.") ? event : `${event} ${data}`));
}

/** The same without the control events. */
export function userEvents(client: { readonly text: string }): string[] {
  return eventNames(client).filter((line) => !line.startsWith("stream."));
}

/** The id that a client would resume with. */
export function cursorOf({ text }: { readonly text: string }): string | undefined {
  return framesOf(text).findLast(({ id }) => id !== undefined)?.id;
}

/** The data of each control event `stream.<name>`. */
export function controlData({ text }: { readonly text: string }, name: string): unknown[] {
  return framesOf(text)
    .filter(({ event }) => event === `stream.${name}`)
    .map(({ data = "" }: Frame) => JSON.parse(data) as unknown);
}
