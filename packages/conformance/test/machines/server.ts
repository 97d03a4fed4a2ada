/*
 * A machine: a server with a registry on the Redis that it shares with others. Its parent tells it what to do.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type AnyEvents, createRegistry, HoldfastError, type StreamWriter } from "@holdfast/core";
import { sse } from "@holdfast/node-http";
import { redisStore } from "../../../redis/src/index.ts";
import { libraries, type Library } from "../../../redis/test/support/clients.ts";
import { swiftClock, swiftStore } from "./swift.ts";
import type { Call, Equipment, Reply } from "./terms.ts";

const { redis, library, durability } = JSON.parse(process.argv[2] as string) as Equipment;
const { connect } = libraries.find(({ name }) => name === library) as Library;
const connected = await connect(redis);
const observer = { failed: () => undefined, warned: () => undefined };
const store = redisStore({ client: connected.client, timeout: 1_000, observer });
const registry = createRegistry({ store: swiftStore(store), durability, clock: swiftClock, observer });

/** A stream that is produced here. */
interface Work {
  readonly writer: StreamWriter<AnyEvents>;
  pushed: number;
  stop: () => void;
  /** When its signal aborted, by the clock that all processes share; in ms. */
  abortedAt: number | undefined;
}

const works = new Map<string, Work>();
const workOf = (id: string): Work => works.get(id) as Work;
const sharedTime = (): number => Number(process.hrtime.bigint()) / 1e6;

const codeOf = (error: unknown): string | undefined =>
  error instanceof HoldfastError ? error.code : undefined;

/** The next event; not while too much waits for the store. Whether there may be more. */
function push(work: Work): boolean {
  try {
    work.writer.push({ data: work.pushed + 1 });
    work.pushed++;
    return true;
  } catch (error) {
    return codeOf(error) === "LIMIT_EXCEEDED";
  }
}

const commands = {
  async open(id: string): Promise<void> {
    const writer = await registry.open(id);
    const work: Work = { writer, pushed: 0, stop: () => undefined, abortedAt: undefined };
    writer.signal.addEventListener("abort", () => (work.abortedAt = sharedTime()), { once: true });
    works.set(id, work);
  },
  /** Pushes so many events: the first is 1, and each one more. */
  push(id: string, count: number): void {
    for (let times = 0; times < count; times++) push(workOf(id));
  },
  /** Pushes one every few ms, until it is stopped or the stream is over. */
  run(id: string, every: number): void {
    const work = workOf(id);
    const timer = setInterval(() => push(work) || work.stop(), every);
    work.stop = () => clearInterval(timer);
  },
  /** Stops, and ends the stream. Returns how many events it has. */
  async end(id: string): Promise<number> {
    const { writer, pushed, stop } = workOf(id);
    stop();
    await writer.end();
    return pushed;
  },
  /** What a producer hears of its stream when it is taken away: why, and what a push throws then. */
  fate(id: string) {
    const { writer, abortedAt } = workOf(id);
    if (!writer.signal.aborted) return undefined;
    const { reason } = writer.signal;
    try {
      writer.push({ data: "too late" });
    } catch (error) {
      return { reason: codeOf(reason) ?? reason, refused: codeOf(error), abortedAt };
    }
    throw new Error("A push is not refused.");
  },
  /** Says so many things in a channel, one in each turn. */
  async say(id: string, who: string, count: number): Promise<void> {
    const channel = registry.channel(id);
    for (let number = 1; number <= count; number++) {
      channel.push({ data: `${who} ${number}` });
      await new Promise(setImmediate);
    }
  },
  /** Returns when it was asked to, by the clock that all processes share. */
  async cancel(id: string, reason: string): Promise<number> {
    const askedAt = sharedTime();
    await registry.cancel(id, reason);
    return askedAt;
  },
  gauges: () => registry.gauges(),
  /** Drains, and lets go of everything: the process ends by itself if nothing is left. */
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

process.on("message", ({ number, name, given }: Call) => {
  void (async () => {
    const reply: Reply = { number };
    try {
      reply.value = await (commands[name] as (...args: unknown[]) => unknown)(...given);
    } catch (error) {
      reply.error = String(error);
    }
    process.send?.(reply, () => {
      if (name === "close") process.disconnect();
    });
  })();
});
process.on("disconnect", () => {
  // Its parent is gone, unless it was let go.
  if (server.listening) process.exit();
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.send?.((server.address() as AddressInfo).port);
