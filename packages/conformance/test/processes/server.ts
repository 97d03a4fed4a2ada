/*
 * A server whose registry shares a Redis with other processes. It runs the commands that its parent sends.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type AnyEvents, createRegistry, HoldfastError, type StreamWriter } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { redisStore } from "../../../redis/src/index.ts";
import { libraries, type Library } from "../../../redis/test/support/clients.ts";
import { fastClock, storeOnFastClock } from "./fast-clock.ts";
import type { Call, ServerOptions, Reply } from "./messages.ts";

const { redisPort, library, durability } = JSON.parse(process.argv[2] as string) as ServerOptions;
const { connect } = libraries.find(({ name }) => name === library) as Library;
const connected = await connect(redisPort);
const observer = { failed: () => undefined, warned: () => undefined };
const store = redisStore({ client: connected.client, timeout: 1_000, observer });
const registry = createRegistry({ store: storeOnFastClock(store), durability, clock: fastClock, observer });

/** A stream whose producer is this process. */
interface ProducedStream {
  readonly writer: StreamWriter<AnyEvents>;
  pushed: number;
  stop: () => void;
  /** When its signal aborted, in ms of the clock that all processes share. */
  abortedAt: number | undefined;
}

const streams = new Map<string, ProducedStream>();
const streamOf = (id: string): ProducedStream => streams.get(id) as ProducedStream;
const sharedTime = (): number => Number(process.hrtime.bigint()) / 1e6;

const codeOf = (error: unknown): string | undefined =>
  error instanceof HoldfastError ? error.code : undefined;

/** Pushes the next event. Returns whether the stream has taken it: it ignores what comes after its end. */
function push(stream: ProducedStream): boolean {
  if (stream.writer.push({ data: stream.pushed + 1 }) === undefined) return false;
  stream.pushed++;
  return true;
}

const commands = {
  async open(id: string): Promise<void> {
    const writer = await registry.open(id);
    const stream: ProducedStream = { writer, pushed: 0, stop: () => undefined, abortedAt: undefined };
    writer.signal.addEventListener("abort", () => (stream.abortedAt = sharedTime()), { once: true });
    streams.set(id, stream);
  },
  /** Pushes `count` events, whose data are consecutive numbers. */
  push(id: string, count: number): void {
    for (let times = 0; times < count; times++) push(streamOf(id));
  },
  /** Pushes an event every `interval` ms, until it is stopped or the stream is over. */
  pushEvery(id: string, interval: number): void {
    const stream = streamOf(id);
    const timer = setInterval(() => push(stream) || stream.stop(), interval);
    stream.stop = () => clearInterval(timer);
  },
  /** Ends the stream; returns how many events it has. */
  async end(id: string): Promise<number> {
    const { writer, pushed, stop } = streamOf(id);
    stop();
    await writer.end();
    return pushed;
  },
  /** When the signal of the writer has aborted: its reason, and whether a push is ignored. */
  signalState(id: string) {
    const { writer, abortedAt } = streamOf(id);
    if (!writer.signal.aborted) return undefined;
    const { reason } = writer.signal;
    return { reason: codeOf(reason) ?? reason, isPushIgnored: !push(streamOf(id)), abortedAt };
  },
  /** Pushes `count` events to a channel, one in each turn of the event loop. */
  async pushToChannel(id: string, sender: string, count: number): Promise<void> {
    const channel = registry.channel(id);
    for (let number = 1; number <= count; number++) {
      channel.push({ data: `${sender} ${number}` });
      await new Promise(setImmediate);
    }
  },
  /** Cancels a stream; returns the time before, in ms of the clock that all processes share. */
  async cancel(id: string, reason: string): Promise<number> {
    const cancelledAt = sharedTime();
    await registry.cancel(id, reason);
    return cancelledAt;
  },
  gauges: () => registry.gauges(),
  /** Closes everything: the process exits if nothing is left. */
  async close() {
    await registry.close({ spread: 0 });
    server.close();
    connected.close();
    return registry.gauges();
  },
};

export type Commands = typeof commands;

const server = createServer((req, res) => {
  const [, kind, id = ""] = (req.url ?? "").split("/");
  void sse(req, res, kind === "channels" ? registry.channel(id) : registry.stream(id));
});

process.on("message", ({ number, name, args }: Call) => {
  void (async () => {
    const reply: Reply = { number };
    try {
      reply.value = await (commands[name] as (...args: unknown[]) => unknown)(...args);
    } catch (error) {
      reply.error = String(error);
    }
    process.send?.(reply, () => {
      if (name === "close") process.disconnect();
    });
  })();
});
process.on("disconnect", () => {
  // The parent has exited, unless this process has closed.
  if (server.listening) process.exit();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.send?.((server.address() as AddressInfo).port);
