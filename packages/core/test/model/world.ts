import { getEventListeners } from "node:events";
import type { AnyEvents } from "../../src/protocol/event.ts";
import type { Registry } from "../../src/registry/types.ts";
import type { StreamSource } from "../../src/connection/source.ts";
import type { CloseReason } from "../../src/protocol/reasons.ts";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
} from "../../src/testing/index.ts";
import type { StreamWriter } from "../../src/stream/writer.ts";
import type { Core } from "../support/mutants.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { Browser } from "./browser.ts";
import { Follower } from "./follower.ts";
import { BROWSERS, CHANNEL, type History, type Service, type Step, STREAMS } from "./history.ts";
import { ModelDatabase, type Row } from "./model-database.ts";
import { Run } from "./run.ts";
import { type Life, Truth } from "./truth.ts";

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

/** How long the answers of a database are good for, and the status waits for one. */
const GOOD_FOR = 2_000;
const STATUS_WAITS = 1_000;

/** Lives through one history; throws at the first broken promise. */
export async function live(core: Core, { service, steps, seed }: History): Promise<void> {
  const world = new World(core, service, seed);
  for (const step of steps) {
    await world.take(step);
    world.check();
  }
  await world.finish();
}

/** Who feeds a stream: the holder of a writer, or a run of a source on demand. */
interface Producer {
  readonly life: Life;
  readonly signal: AbortSignal;
  readonly feed: StreamWriter<AnyEvents> | Run;
  /** Since when nobody has read it. */
  unreadSince: number | undefined;
}

/** How a browser found things when it came. */
interface Coming {
  readonly at: number;
  readonly answers: number;
}

const name = (stream: number): string => (stream === CHANNEL ? "room" : `job-${stream}`);

/** A macrotask, in which the clock stands still. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class World {
  readonly #core: Core;
  readonly #service: Service;
  readonly #clock: FakeClock = createFakeClock();
  readonly #truth = new Truth();
  readonly #registry: Registry;
  readonly #database: ModelDatabase | undefined;
  readonly #producers: (Producer | undefined)[] = [];
  readonly #browsers: Browser[];
  readonly #comings = new Map<Browser, Coming>();
  readonly #followers: Follower[] = [];
  readonly #clients: MemoryClient[] = [];
  /** What aborts when the user of a client logs out. */
  readonly #logins = new Map<MemoryClient, AbortController>();
  readonly #served: Promise<void>[] = [];
  readonly #closes: CloseReason[] = [];
  /** The streams whose next source breaks. */
  readonly #broken = new Set<number>();
  #opened = 0;
  #pushed = 0;
  #closing = false;
  #unexpected: unknown;

  constructor(core: Core, service: Service, seed: number) {
    this.#core = core;
    this.#service = service;
    const lifeOf = (id: string): Life | undefined => this.#producers[Number(id.slice(-1))]?.life;
    if (service.database !== "none") {
      this.#database = new ModelDatabase(this.#clock, this.#truth, lifeOf, service.database === "prompt");
    }
    this.#registry = core.createRegistry({
      ...LIMITS,
      // Longer than a poll, or nobody would ever hear of one.
      ...(this.#database !== undefined && { wait: 3_500, snapshot: this.#database.ask }),
      ...(service.sources && { source: (id, { signal }) => this.#start(id, signal) }),
      clock: this.#clock,
      random: seededRandom(seed),
      observer: {
        connectionOpened: () => void this.#opened++,
        connectionClosed: ({ reason }) => void this.#closes.push(reason),
        warned: ({ id }) => this.#checkWarning(id as string),
        failed: ({ id, stage, error }) => {
          const fair = stage === "source" || (stage === "snapshot" && this.#failedLately(id as string, 0));
          if (!fair) this.#unexpected ??= error;
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
      case "break":
        this.#broken.add(step.stream);
        return;
      case "save":
        this.#database?.save(name(step.stream), rowOf(step));
        return;
      case "answer":
        this.#database?.answer(step.which, step.stale);
        return turn();
      case "connect":
        return this.#connect(step);
      case "leave":
        return this.#leave(this.#browser(step.browser), step.seen);
      case "log out":
        return this.#logOut(this.#browser(step.browser));
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
    this.#database?.check();
    for (const [number, browser] of this.#browsers.entries()) {
      browser.read();
      if (browser.heldFor(this.#clock.now()) > LIMITS.idleTimeout) throw new Error("A zombie");
      this.#checkSearch(browser, name(number % STREAMS));
    }
    const { connections, waiting, streams } = this.#registry.gauges();
    if (connections > LIMITS.maxConnections) throw new Error(`${connections} connections`);
    if (waiting > LIMITS.maxWaiting || waiting > connections)
      throw new Error(`${waiting} of ${connections} waiting`);
    if (streams > STREAMS) throw new Error(`${streams} streams`);
  }

  /** Everyone reads to the end, then leaves: each has everything, and nothing is held any more. */
  async finish(): Promise<void> {
    for (const { client } of this.#browsers) client?.drain();
    await this.#clock.flush();
    this.check();
    if (this.#database !== undefined) await this.#tellTheTruth(this.#database);
    for (const browser of this.#browsers) browser.settle();
    for (const follower of this.#followers) follower.leave();
    for (const browser of this.#browsers) this.#leave(browser, Infinity);
    for (const client of this.#clients) client.leave();
    this.#database?.nothingLeft();
    const closed = this.#registry.close({ deadline: 0 });
    await this.#clock.advance(GOOD_FOR);
    await closed;
    await Promise.all(this.#served);
    await Promise.all(this.#followers.map(({ done }) => done));
    this.#nothingLeft();
  }

  /** The database recovers, knows what has become of each stream, and is asked by all who wait. */
  async #tellTheTruth(database: ModelDatabase): Promise<void> {
    for (let stream = 0; stream < CHANNEL; stream++) {
      const producer = this.#producers[stream];
      const isLive = producer !== undefined && producer.life.status === undefined;
      database.save(name(stream), isLive ? { is: "pending" } : { is: "finished", version: 99 });
    }
    database.save(name(CHANNEL), { is: "pending" });
    // Longer than any poll takes that is not in an outage; for those who are, the wait is over first.
    for (let tenth = 0; tenth < 26; tenth++) {
      database.answerAll();
      await this.#clock.advance(100);
    }
    this.check();
    for (const [number, browser] of this.#browsers.entries()) {
      const id = name(number % STREAMS);
      const heard = database.heard(id);
      if (!browser.waits || heard.failing) continue;
      if (this.#registry.get(id) !== undefined) throw new Error("Waits for what is here");
      if (database.row(id).is !== "pending") throw new Error("Waits for what is over");
      if (this.#service.sources) throw new Error("Waits for what it could have started");
    }
  }

  #nothingLeft(): void {
    const gauges = JSON.stringify(this.#registry.gauges());
    if (/[1-9]/.test(gauges)) throw new Error(`Still held: ${gauges}`);
    if (this.#clock.timers > 0) throw new Error(`${this.#clock.timers} timers left`);
    if (this.#opened !== this.#closes.length)
      throw new Error(`${this.#opened} opened, ${this.#closes.length} closed`);
    const signals = [...this.#clients.map(({ request }) => request), ...this.#logins.values()];
    for (const { signal } of signals) {
      if (getEventListeners(signal, "abort").length > 0) throw new Error("An abort listener is left");
    }
    for (const producer of this.#producers) {
      if (producer !== undefined && producer.life.status === "cancelled" && !producer.signal.aborted) {
        throw new Error("A writer was not told of its end");
      }
    }
  }

  async #open(stream: number): Promise<void> {
    const live = this.#producers[stream]?.life.status === undefined && this.#producers[stream] !== undefined;
    try {
      const writer = await this.#registry.open(name(stream));
      if (live || this.#closing) throw new Error("Opened what must not be");
      const life = this.#truth.begin(writer.epoch);
      this.#producers[stream] = { life, signal: writer.signal, feed: writer, unreadSince: undefined };
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

  #subscribe(stream: number, slow: boolean): Promise<void> | undefined {
    const follower = new Follower(this.#truth);
    this.#followers.push(follower);
    follower.follow(this.#registry, name(stream), slow ? () => this.#clock.flush() : undefined);
    return this.#settled();
  }

  async #push(stream: number, count: number): Promise<void> {
    const producer = this.#producers[stream];
    if (producer === undefined) return;
    const { feed, life } = producer;
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushed}${this.#pushed % 7 === 0 ? "\nline two" : ""}`;
      const refused = life.status !== undefined || this.#closing;
      if (feed instanceof Run) {
        if (refused) return;
        life.events.push(data);
        feed.give({ event: { event: "token", data } });
        // It is pulled by and by.
        await turn();
        continue;
      }
      try {
        const id = feed.push({ event: "token", data });
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
    const { feed, life } = producer;
    if (feed instanceof Run && this.#closing && status !== "cancelled") return;
    life.status ??= status;
    if (status === "cancelled") {
      await this.#registry.cancel(name(stream), "user");
    } else if (feed instanceof Run) {
      feed.give(status === "done" ? { end: "done" } : { error: new Error("a secret") });
      await turn();
    } else if (status === "done") await feed.end();
    else await feed.fail(new Error("a secret"));
  }

  /** The registry starts a source. */
  #start(id: string, signal: AbortSignal): Run {
    const stream = isJob(id) ? Number(id.slice(-1)) : CHANNEL;
    const before = this.#producers[stream];
    const epoch = this.#registry.get(id)?.epoch;
    if (epoch === undefined) throw this.#note(new Error("A source without a stream"));
    if (before !== undefined && before.life.status === undefined)
      throw this.#note(new Error("A second source while the first one runs"));
    const life = this.#truth.begin(epoch);
    if (stream === CHANNEL) {
      // A channel is nobody's to start.
      life.status = "failed";
      throw new Error("a secret");
    }
    const run = new Run(life, signal);
    this.#producers[stream] = { life, signal, feed: run, unreadSince: undefined };
    signal.addEventListener("abort", () => {
      if (life.status === undefined && !this.#closing && this.#registry.get(id)?.epoch === epoch)
        this.#note(new Error("A source that is stopped is still in the registry"));
      if (life.status === undefined && !this.#closing && this.#isRead(stream))
        this.#note(new Error("A source was stopped under its readers"));
      life.status ??= "cancelled";
    });
    if (!this.#broken.delete(stream)) return run;
    life.status = "failed";
    throw new Error("a secret");
  }

  /** Where nobody would hear of it if it was thrown. */
  #note(error: Error): Error {
    this.#unexpected ??= error;
    return error;
  }

  #connect({
    browser: number,
    cursor,
    now,
    aborted,
    loggedOut,
  }: Extract<Step, { do: "connect" }>): Promise<void> | undefined {
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
    const login = new AbortController();
    this.#logins.set(client, login);
    if (loggedOut) login.abort();
    browser.connect(client);
    const id = name(number % STREAMS);
    this.#comings.set(browser, { at: this.#clock.now(), answers: this.#database?.heard(id).answers ?? 0 });
    const source: StreamSource = this.#registry.stream(id, {
      from: now ? "now" : "start",
    });
    this.#served.push(this.#core.serve(client.request, client.open, source, { signal: login.signal }));
    const { status } = client;
    const expected = aborted ? 499 : browser.cursor?.endsWith(".end") === true ? 204 : 200;
    // It is looked for: the database may say at once that there is nothing, or take its time.
    const isLookedFor = this.#database !== undefined && !this.#closing && !loggedOut;
    const fair = expected === 200 && isLookedFor ? [200, 404, undefined] : [expected];
    if (!fair.includes(status)) throw new Error(`Answered ${status} instead of ${expected}`);
    if (this.#closing && status === 200 && !client.text.includes('"shutdown"'))
      throw new Error("Let in after the close");
    if (loggedOut && status === 200 && !client.text.startsWith("event: stream.drain\n"))
      throw new Error("Let in after a logout");
    // A conforming client never comes back after a 204: the next connection is somebody else's.
    if (status === 204) browser.cursor = undefined;
    return this.#settled();
  }

  /** Its client is sent away, or cut if it holds; one whose response is ending is let be. */
  #logOut({ client }: Browser): void {
    if (client === undefined) return;
    const { state, held } = client;
    this.#logins.get(client)?.abort();
    if (state !== "idle" && state !== "open") return;
    const isTold = client.state !== "open" && client.text.endsWith('data: {"reason":"aborted"}\n\n');
    if (held ? client.state !== "destroyed" : !isTold) throw new Error("Served after a logout");
  }

  /** Even a prompt answer takes a moment; only then does its client read. */
  #settled(): Promise<void> | undefined {
    return this.#service.database === "prompt" ? turn() : undefined;
  }

  #leave(browser: Browser, seen: number): void {
    browser.read(seen);
    // Nor does it come back after a 404.
    if (browser.client?.status === 404) browser.cursor = undefined;
    browser.client?.leave();
    browser.client = undefined;
  }

  /** A live stream may expire by itself; the truth learns it from the writer. */
  #noteEnds(): void {
    for (const producer of this.#producers) {
      if (producer === undefined) continue;
      const { life, signal } = producer;
      if (signal.aborted) life.status ??= this.#closing ? "cancelled" : "expired";
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
      if (producer.feed instanceof Run && life.status === undefined) this.#checkRun(stream, producer);
    }
  }

  /** A source runs as long as somebody reads it, and `linger`. */
  #checkRun(stream: number, producer: Producer): void {
    const now = this.#clock.now();
    if (this.#isRead(stream)) producer.unreadSince = undefined;
    else producer.unreadSince ??= now;
    if (now > (producer.unreadSince ?? now) + LIMITS.linger) throw new Error("A source runs for nobody");
  }

  #isRead(stream: number): boolean {
    const { epoch } = this.#producers[stream]?.life ?? {};
    const held = this.#registry.get(name(stream));
    const reading = (browser: Browser, number: number): boolean =>
      number % STREAMS === stream &&
      browser.client?.state === "open" &&
      browser.client.text.includes(`id: ${epoch}.`);
    return (held?.epoch === epoch && (held?.readers ?? 0) > 0) || this.#browsers.some(reading);
  }

  /** What a client may be told while its stream is looked for. */
  #checkSearch(browser: Browser, id: string): void {
    const { client } = browser;
    const coming = this.#comings.get(browser);
    if (client === undefined || coming === undefined) return;
    const heard = this.#database?.heard(id);
    const now = this.#clock.now();
    if (client.status === undefined && now > coming.at + STATUS_WAITS)
      throw new Error("No status after a second");
    const isGone = browser.gone || client.status === 404;
    if (isGone && (heard?.gone ?? -Infinity) < coming.at - GOOD_FOR && isJob(id))
      throw new Error("Gone, though nobody said so");
    if (browser.waits && this.#service.sources && heard === undefined)
      throw new Error("Waits for what it could have started");
    if (browser.outages === 0) return;
    if (!this.#failedLately(id, now - coming.at)) throw new Error("Told of an outage that was none");
    if (browser.outages > (heard?.answers ?? 0) - coming.answers + 1)
      throw new Error("Told twice of one outage");
  }

  #failedLately(id: string, within: number): boolean {
    const failed = this.#database?.heard(id).failed ?? -Infinity;
    return failed >= this.#clock.now() - within - GOOD_FOR;
  }

  #checkWarning(id: string): void {
    if (this.#registry.get(id) !== undefined) this.#note(new Error("A warning of what is here"));
  }

  #browser(number: number): Browser {
    return this.#browsers[number] as Browser;
  }
}

function isJob(id: string): boolean {
  return id !== name(CHANNEL);
}

function rowOf({ is, number }: Extract<Step, { do: "save" }>): Row {
  if (is === "running") return { is, behind: number };
  return is === "finished" ? { is, version: number } : { is };
}

function ahead(cursor: string | undefined): string {
  return `${cursor?.slice(0, 10) ?? "zzzzzzzzzz"}.1000000000`;
}
