import { createServer } from "node:http";
import {
  type AnyEvents,
  createRegistry,
  type Observer,
  type Registry,
  type RegistryOptions,
  systemClock,
} from "@holdfast/core";
import { createFakeClock, type FakeClock } from "@holdfast/core/testing";
import { sse } from "@holdfast/node-http";
import { expect, onTestFinished } from "vitest";
import { listen } from "@holdfast/conformance";
import { type Http1Client, sendHttp1 } from "../../src/wire/http1.ts";
import { eventually } from "../../src/adapter-suite/eventually.ts";
import { type Frame, framesOf } from "../../src/wire/frames.ts";

type Info<Name extends keyof Observer> = Parameters<NonNullable<Observer[Name]>>[0];

/** A service over real HTTP, whose hours pass as the story has it. */
export interface Stage {
  readonly registry: Registry;
  readonly clock: FakeClock;
  readonly port: number;
  readonly closed: Info<"connectionClosed">[];
  readonly warned: Info<"warned">[];
  readonly failed: Info<"failed">[];
  /** Somebody connects to `/<id>`, and waits for the headers. */
  readonly come: (id: string, cursor?: string) => Promise<Http1Client>;
  /** Somebody connects; whether an answer comes is another matter. */
  readonly send: (id: string, cursor?: string) => Http1Client;
}

/** Whatever the story did, nothing is left of it when everybody has gone. */
export async function stage(options: (clock: FakeClock) => RegistryOptions = () => ({})): Promise<Stage> {
  const clock = clockOfStage();
  const closed: Stage["closed"] = [];
  const warned: Stage["warned"] = [];
  const failed: Stage["failed"] = [];
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
  // A stranger may send many requests behind each other, each of which listens to their socket.
  server.on("connection", (socket) => socket.setMaxListeners(100));
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
    come: (id, cursor) => send(id, cursor).answered(),
  };
}

/** Hours pass as they are told to; the next turn comes by itself, as the network's do. */
function clockOfStage(): FakeClock {
  const fake = createFakeClock();
  return {
    get timers() {
      return fake.timers;
    },
    now: () => fake.now(),
    after: (ms, fn) => fake.after(ms, fn),
    soon: (fn) => systemClock.soon(fn),
    flush: () => fake.flush(),
    advance: (ms) => fake.advance(ms),
  };
}

/** The names of what a client got, with the data of what its user is given: `token Hello`. */
export function heardBy({ text }: { readonly text: string }): string[] {
  return framesOf(text)
    .filter(({ event, data }) => event !== undefined && data !== undefined)
    .map(({ event = "", data = "" }) => (event.startsWith("stream.") ? event : `${event} ${data}`));
}

/** Only what its user is given. */
export function toldTo(client: { readonly text: string }): string[] {
  return heardBy(client).filter((line) => !line.startsWith("stream."));
}

/** What a client comes back with. */
export function cursorOf({ text }: { readonly text: string }): string | undefined {
  return framesOf(text).findLast(({ id }) => id !== undefined)?.id;
}

/** The data of the control events of that name. */
export function control({ text }: { readonly text: string }, name: string): unknown[] {
  return framesOf(text)
    .filter(({ event }) => event === `stream.${name}`)
    .map(({ data = "" }: Frame) => JSON.parse(data) as unknown);
}
