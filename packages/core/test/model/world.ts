import { getEventListeners } from "node:events";
import type { AnyEvents } from "../../src/event.ts";
import type { Registry } from "../../src/registry.ts";
import type { StreamSource } from "../../src/source.ts";
import type { CloseReason } from "../../src/observer.ts";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
} from "../../src/testing/index.ts";
import type { StreamWriter } from "../../src/writer.ts";
import { Browser } from "./browser.ts";
import { BROWSERS, CHANNEL, type Step, STREAMS } from "./history.ts";
import { Follower } from "./follower.ts";
import { type Life, Truth } from "./truth.ts";

/** The code under test: core, or a copy of it with a fault. */
export type Core = Pick<typeof import("../../src/index.ts"), "createRegistry" | "serve">;

/** Small enough that a short history runs into every limit. */
const LIMITS = {
  buffer: { events: 8 },
  heartbeat: 100,
  idleTimeout: 500,
  maxDuration: 3_000,
  wait: 1_000,
  linger: 800,
  idle: 5_000,
  maxConnections: 5,
  maxWaiting: 3,
};

/** Lives through one history; throws at the first broken promise. */
export async function live(core: Core, steps: readonly Step[], seed: number): Promise<void> {
  const world = new World(core, seed);
  for (const step of steps) {
    await world.take(step);
    world.check();
  }
  await world.finish();
}

interface Producer {
  readonly writer: StreamWriter<AnyEvents>;
  readonly life: Life;
}

const name = (stream: number): string => (stream === CHANNEL ? "room" : `job-${stream}`);

class World {
  readonly #core: Core;
  readonly #clock: FakeClock = createFakeClock();
  readonly #truth = new Truth();
  readonly #registry: Registry;
  readonly #producers: (Producer | undefined)[] = [];
  readonly #browsers: Browser[];
  readonly #followers: Follower[] = [];
  readonly #clients: MemoryClient[] = [];
  readonly #served: Promise<void>[] = [];
  readonly #closes: CloseReason[] = [];
  #opened = 0;
  #pushed = 0;
  #closing = false;
  #unexpected: unknown;

  constructor(core: Core, seed: number) {
    this.#core = core;
    this.#registry = core.createRegistry({
      ...LIMITS,
      clock: this.#clock,
      random: seededRandom(seed),
      observer: {
        connectionOpened: () => void this.#opened++,
        connectionClosed: ({ reason }) => void this.#closes.push(reason),
        failed: ({ stage, error }) => {
          if (stage !== "source") this.#unexpected ??= error;
        },
      },
    });
    this.#browsers = Array.from({ length: BROWSERS }, (_, browser) => {
      const rules = { held: LIMITS.buffer.events, wholeFromStart: browser % STREAMS !== CHANNEL };
      return new Browser(this.#truth, rules);
    });
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "open":
        return step.stream === CHANNEL ? this.#openChannel() : this.#open(step.stream);
      case "push":
        return step.stream === CHANNEL ? this.#pushAll(step.count) : this.#push(step.stream, step.count);
      case "subscribe":
        return this.#subscribe(step.stream, step.slow);
      case "end":
        return this.#end(step.stream, "done");
      case "fail":
        return this.#end(step.stream, "failed");
      case "cancel":
        return this.#end(step.stream, "cancelled");
      case "connect":
        return this.#connect(step);
      case "leave":
        return this.#leave(this.#browser(step.browser), step.seen);
      case "stall":
        return this.#browser(step.browser).client?.stall();
      case "drain":
        return this.#browser(step.browser).client?.drain();
      case "trickle":
        this.#browser(step.browser).client?.drain();
        return this.#browser(step.browser).client?.stall();
      case "pass":
        return this.#clock.advance(step.ms);
      case "turn":
        return this.#clock.flush();
      case "close":
        this.#closing = true;
        void this.#registry.close({ deadline: step.deadline, spread: 100 });
        return;
    }
  }

  /** What holds at every moment. */
  check(): void {
    if (this.#unexpected !== undefined) throw this.#unexpected;
    this.#noteEnds();
    this.#checkStreams();
    for (const browser of this.#browsers) {
      browser.read();
      if (browser.heldFor(this.#clock.now()) > LIMITS.idleTimeout) throw new Error("A zombie");
    }
    const { connections, waiting, streams } = this.#registry.gauges();
    if (connections > LIMITS.maxConnections) throw new Error(`${connections} connections`);
    const followers = this.#followers.filter(({ over }) => !over).length;
    if (waiting > LIMITS.maxWaiting + followers) throw new Error(`${waiting} waiting`);
    if (streams > STREAMS) throw new Error(`${streams} streams`);
  }

  /** Everyone reads to the end, then leaves: each has everything, and nothing is held any more. */
  async finish(): Promise<void> {
    for (const { client } of this.#browsers) client?.drain();
    await this.#clock.flush();
    this.check();
    for (const browser of this.#browsers) browser.settle();
    for (const follower of this.#followers) follower.leave();
    for (const browser of this.#browsers) this.#leave(browser, Infinity);
    for (const client of this.#clients) client.leave();
    const closed = this.#registry.close({ deadline: 0 });
    await this.#clock.advance(2_000);
    await closed;
    await Promise.all(this.#served);
    await Promise.all(this.#followers.map(({ done }) => done));
    this.#nothingLeft();
  }

  #nothingLeft(): void {
    const gauges = JSON.stringify(this.#registry.gauges());
    if (/[1-9]/.test(gauges)) throw new Error(`Still held: ${gauges}`);
    if (this.#clock.timers > 0) throw new Error(`${this.#clock.timers} timers left`);
    if (this.#opened !== this.#closes.length)
      throw new Error(`${this.#opened} opened, ${this.#closes.length} closed`);
    for (const { request } of this.#clients) {
      if (getEventListeners(request.signal, "abort").length > 0) throw new Error("An abort listener is left");
    }
    for (const producer of this.#producers) {
      if (producer !== undefined && producer.life.status === "cancelled" && !producer.writer.signal.aborted) {
        throw new Error("A writer was not told of its end");
      }
    }
  }

  async #open(stream: number): Promise<void> {
    const live = this.#producers[stream]?.life.status === undefined && this.#producers[stream] !== undefined;
    try {
      const writer = await this.#registry.open(name(stream));
      if (live || this.#closing) throw new Error("Opened what must not be");
      this.#producers[stream] = { writer, life: this.#truth.begin(writer.epoch) };
    } catch (error) {
      if (!live && !this.#closing) throw error;
    }
  }

  #openChannel(): void {
    try {
      this.#registry.channel(name(CHANNEL));
      if (this.#closing) throw new Error("Opened what must not be");
      this.#channelLife();
    } catch (error) {
      if (!this.#closing) throw error;
    }
  }

  /** A channel that was forgotten comes back as a new life. */
  #channelLife(): Life | undefined {
    const epoch = this.#registry.get(name(CHANNEL))?.epoch;
    return epoch === undefined ? undefined : (this.#truth.find(epoch) ?? this.#truth.begin(epoch));
  }

  #pushAll(count: number): void {
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushed}`;
      try {
        this.#registry.channel(name(CHANNEL)).push({ data });
        if (this.#closing) throw new Error("Pushed what must be refused");
        this.#channelLife()?.events.push(data);
      } catch (error) {
        if (!this.#closing) throw error;
      }
    }
  }

  #subscribe(stream: number, slow: boolean): void {
    const follower = new Follower(this.#truth);
    this.#followers.push(follower);
    follower.follow(this.#registry, name(stream), slow ? () => this.#clock.flush() : undefined);
  }

  #push(stream: number, count: number): void {
    const producer = this.#producers[stream];
    if (producer === undefined) return;
    const { writer, life } = producer;
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushed}${this.#pushed % 7 === 0 ? "\nline two" : ""}`;
      const refused = life.status !== undefined || this.#closing;
      try {
        const id = writer.push({ event: "token", data });
        if (refused) throw new Error("Pushed what must be refused");
        life.events.push(data);
        if (id !== `${life.epoch}.${life.events.length}`)
          throw new Error(`The event ${life.events.length} is ${id}`);
      } catch (error) {
        if (!refused) throw error;
      }
    }
  }

  async #end(stream: number, status: "done" | "failed" | "cancelled"): Promise<void> {
    const producer = this.#producers[stream];
    if (producer === undefined) return;
    producer.life.status ??= status;
    if (status === "done") await producer.writer.end();
    else if (status === "failed") await producer.writer.fail(new Error("a secret"));
    else await this.#registry.cancel(name(stream), "user");
  }

  #connect({ browser: number, cursor, now, aborted }: Extract<Step, { do: "connect" }>): void {
    const browser = this.#browser(number);
    this.#leave(browser, Infinity);
    const strangest = {
      none: undefined,
      invalid: "§",
      ahead: ahead(browser.cursor),
      stranger: "zzzzzzzzzz.3",
    };
    if (cursor === "terminal") browser.cursor = "zzzzzzzzzz.3.end";
    else if (cursor !== "own") browser.cursor = strangest[cursor];
    const client = createMemoryClient(browser.cursor === undefined ? {} : { cursor: browser.cursor });
    this.#clients.push(client);
    if (aborted) client.leave();
    browser.connect(client);
    const source: StreamSource = this.#registry.stream(name(number % STREAMS), {
      from: now ? "now" : "start",
    });
    this.#served.push(this.#core.serve(client.request, client.open, source));
    const { status } = client;
    const expected = aborted ? 499 : browser.cursor?.endsWith(".end") === true ? 204 : 200;
    if (status !== expected) throw new Error(`Answered ${status} instead of ${expected}`);
    if (this.#closing && status === 200 && !client.text.includes('"shutdown"'))
      throw new Error("Let in after the close");
    // A conforming client never comes back after a 204: the next connection is somebody else's.
    if (status === 204) browser.cursor = undefined;
  }

  #leave(browser: Browser, seen: number): void {
    browser.read(seen);
    browser.client?.leave();
    browser.client = undefined;
  }

  /** A live stream may expire by itself; the truth learns it from the writer. */
  #noteEnds(): void {
    for (const producer of this.#producers) {
      if (producer === undefined) continue;
      const { life, writer } = producer;
      if (writer.signal.aborted) life.status ??= this.#closing ? "cancelled" : "expired";
      if (life.status !== undefined) life.endedAt = Math.min(life.endedAt, this.#clock.now());
    }
  }

  /** A live stream is there, whatever became of the one before it; an ended one goes after `linger`. */
  #checkStreams(): void {
    for (const [stream, producer] of this.#producers.entries()) {
      if (producer === undefined || this.#closing) continue;
      const { life } = producer;
      const held = this.#registry.get(name(stream))?.epoch === life.epoch;
      if (!held && life.status === undefined) throw new Error("A live stream was forgotten");
      if (held && this.#clock.now() > life.endedAt + LIMITS.linger)
        throw new Error("An ended stream was kept");
    }
  }

  #browser(number: number): Browser {
    return this.#browsers[number] as Browser;
  }
}

function ahead(cursor: string | undefined): string {
  return `${cursor?.slice(0, 10) ?? "zzzzzzzzzz"}.1000000000`;
}

/** Mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
