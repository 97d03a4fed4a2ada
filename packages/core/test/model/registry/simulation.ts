import { getEventListeners } from "node:events";
import { HoldfastError } from "../../../src/base/errors.ts";
import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { Registry } from "../../../src/registry/types.ts";
import type { StreamSource } from "../../../src/connection/source.ts";
import type { CloseReason } from "../../../src/protocol/reasons.ts";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
} from "../../../src/testing/index.ts";
import type { StreamWriter } from "../../../src/stream/writer.ts";
import type { Core } from "../../support/planted-faults.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { SimulatedSubscriber } from "./simulated-subscriber.ts";
import {
  CHANNEL,
  CHANNEL_ID,
  CLIENTS,
  type History,
  type Setup,
  type Step,
  streamId,
  STREAMS,
} from "./history.ts";
import { SimulatedDatabase, type Row } from "./simulated-database.ts";
import { SimulatedSource } from "./simulated-source.ts";
import { type EpochRecord, ReferenceModel } from "./reference-model.ts";

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

/** A source that fails with any other error is started again, which other tests cover. */
const FINAL = new HoldfastError("SOURCE_FAILED", "a secret", { expose: false });

/** How long, in ms, an answer of the database may be reused. */
const ANSWER_LIFETIME = 2_000;
/** How long, in ms, the response status may wait for the database. */
const STATUS_TIMEOUT = 1_000;

/** Runs one history against a registry. Throws an error that says which promise is broken first. */
export async function run(core: Core, { setup, steps, seed }: History): Promise<void> {
  const simulation = new Simulation(core, setup, seed);
  for (const step of steps) {
    await simulation.perform(step);
    simulation.checkInvariants();
  }
  await simulation.finish();
}

/** The producer of a stream: a writer, or one run of a source on demand. */
interface Producer {
  readonly record: EpochRecord;
  readonly signal: AbortSignal;
  readonly output: StreamWriter<AnyEvents> | SimulatedSource;
  /** Since when the stream has no reader. */
  unreadSince: number | undefined;
}

/** The state of the simulation when a client connected. */
interface Arrival {
  readonly at: number;
  /** Whether it has read the stream before. */
  readonly isOfLife: boolean;
  readonly answerCount: number;
}

/** Waits for all pending microtasks, without moving the clock. */
const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Simulation {
  readonly #core: Core;
  readonly #setup: Setup;
  readonly #clock: FakeClock = createFakeClock();
  readonly #model = new ReferenceModel();
  readonly #registry: Registry;
  readonly #database: SimulatedDatabase | undefined;
  readonly #producers: (Producer | undefined)[] = [];
  readonly #clients: SimulatedClient[];
  readonly #arrivals = new Map<SimulatedClient, Arrival>();
  readonly #subscribers: SimulatedSubscriber[] = [];
  readonly #connections: MemoryClient[] = [];
  /** The `signal` of each connection, which aborts when its user logs out. */
  readonly #logins = new Map<MemoryClient, AbortController>();
  readonly #served: Promise<void>[] = [];
  readonly #closedConnections: CloseReason[] = [];
  /** The streams whose next source throws. */
  readonly #brokenSources = new Set<number>();
  /** The connections that were told that their stream is gone. */
  readonly #goneClients = new Set<MemoryClient>();
  #openedConnections = 0;
  #pushedEvents = 0;
  #closing = false;
  #violation: unknown;

  constructor(core: Core, setup: Setup, seed: number) {
    this.#core = core;
    this.#setup = setup;
    if (setup.database !== "none") {
      const currentRecord = (id: string): EpochRecord | undefined =>
        this.#producers[Number(id.slice(-1))]?.record;
      const isPrompt = setup.database === "prompt";
      this.#database = new SimulatedDatabase(this.#clock, this.#model, currentRecord, isPrompt);
    }
    this.#registry = core.createRegistry({
      ...LIMITS,
      // Longer than the poll interval, so that clients live to see a second answer.
      ...(this.#database !== undefined && { wait: 3_500, snapshot: this.#database.query }),
      ...(setup.sources && { source: (id, { signal }) => this.#startSource(id, signal) }),
      clock: this.#clock,
      random: seededRandom(seed),
      observer: {
        connectionOpened: () => void this.#openedConnections++,
        connectionClosed: ({ reason }) => void this.#closedConnections.push(reason),
        warned: ({ id, message }) => {
          if (!message.startsWith("An event was pushed after")) this.#checkWarning(id as string);
        },
        failed: ({ id, stage, error }) => {
          const isExpected =
            stage === "source" || (stage === "snapshot" && this.#failedRecently(id as string, 0));
          if (!isExpected) this.#violation ??= error;
        },
      },
    });
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => {
      const startsAtFirstEvent = client % STREAMS !== CHANNEL;
      return new SimulatedClient(this.#model, { heldEvents: LIMITS.buffer.events, startsAtFirstEvent });
    });
  }

  async perform(step: Step): Promise<void> {
    switch (step.do) {
      case "open":
        return step.stream === CHANNEL ? this.#openChannel() : this.#open(step.stream);
      case "push":
        return step.stream === CHANNEL
          ? this.#pushToChannel(step.count)
          : this.#push(step.stream, step.count);
      case "subscribe":
        return this.#subscribe(step.stream, step.slow);
      case "end":
        return this.#end(step.stream, "done");
      case "fail":
        return this.#end(step.stream, "failed");
      case "cancel":
        return this.#end(step.stream, "cancelled");
      case "break source":
        this.#brokenSources.add(step.stream);
        return;
      case "save row":
        this.#database?.save(streamId(step.stream), rowOf(step));
        return;
      case "answer query":
        this.#database?.answer(step.query, step.stale);
        return macrotask();
      case "connect":
        return this.#connect(step);
      case "leave":
        return this.#client(step.client).leave(step.charactersRead);
      case "log out":
        return this.#logOut(this.#client(step.client));
      case "stall":
        return this.#client(step.client).connection?.stall();
      case "drain":
        return this.#client(step.client).connection?.drain();
      case "drain once":
        this.#client(step.client).connection?.drain();
        return this.#client(step.client).connection?.stall();
      case "advance":
        return this.#clock.advance(step.ms);
      case "flush":
        return this.#clock.flush();
      case "close":
        this.#closing = true;
        void this.#registry.close({ deadline: step.deadline, spread: 100 });
        return;
    }
  }

  /** Checks what must hold after every step. */
  checkInvariants(): void {
    if (this.#violation !== undefined) throw this.#violation;
    this.#recordEnds();
    this.#checkStreams();
    this.#database?.check();
    for (const [number, client] of this.#clients.entries()) {
      client.read();
      if (client.heldFor(this.#clock.now()) > LIMITS.idleTimeout)
        throw new Error("A connection is kept although its client takes nothing");
      this.#checkLookUp(client, streamId(number % STREAMS));
    }
    const { connections, waiting, streams } = this.#registry.gauges();
    if (connections > LIMITS.maxConnections)
      throw new Error(`${connections} connections are more than the limit`);
    if (waiting > LIMITS.maxWaiting || waiting > connections)
      throw new Error(`${waiting} of ${connections} clients wait, which is more than the limit`);
    if (streams > STREAMS) throw new Error(`${streams} streams instead of ${STREAMS}`);
  }

  /** All clients read to the end and leave. Checks that they have every event, and that the registry holds nothing. */
  async finish(): Promise<void> {
    for (const { connection } of this.#clients) connection?.drain();
    await this.#clock.flush();
    this.checkInvariants();
    if (this.#database !== undefined) await this.#recoverDatabase(this.#database);
    for (const client of this.#clients) client.checkSettled();
    for (const subscriber of this.#subscribers) subscriber.leave();
    for (const client of this.#clients) client.leave();
    for (const connection of this.#connections) connection.leave();
    this.#database?.checkNothingLeft();
    const closed = this.#registry.close({ deadline: 0 });
    await this.#clock.advance(ANSWER_LIFETIME);
    await closed;
    await Promise.all(this.#served);
    await Promise.all(this.#subscribers.map(({ done }) => done));
    this.#checkNothingLeft();
  }

  /** The database recovers and knows the state of every stream. Checks that all clients that wait learn of it. */
  async #recoverDatabase(database: SimulatedDatabase): Promise<void> {
    for (let stream = 0; stream < CHANNEL; stream++) {
      const producer = this.#producers[stream];
      const isLive = producer !== undefined && producer.record.status === undefined;
      database.save(streamId(stream), isLive ? { is: "pending" } : { is: "finished", version: 99 });
    }
    database.save(CHANNEL_ID, { is: "pending" });
    // 2.6 s is longer than the poll interval. After an outage the interval is longer, but then `wait` ends first.
    for (let tenth = 0; tenth < 26; tenth++) {
      database.answerAll();
      await this.#clock.advance(100);
    }
    this.checkInvariants();
    for (const [number, client] of this.#clients.entries()) {
      const id = streamId(number % STREAMS);
      if (!client.isWaiting || database.answersFor(id).failing) continue;
      if (this.#registry.get(id) !== undefined)
        throw new Error("A client waits although the registry has its stream");
      if (database.row(id).is !== "pending")
        throw new Error("A client waits although the database has the result");
      if (this.#setup.sources) throw new Error("A client waits although its source can be started");
    }
  }

  #checkNothingLeft(): void {
    const gauges = JSON.stringify(this.#registry.gauges());
    if (/[1-9]/.test(gauges)) throw new Error(`Still held: ${gauges}`);
    if (this.#clock.timers > 0) throw new Error(`${this.#clock.timers} timers are left`);
    const closed = this.#closedConnections.length;
    if (this.#openedConnections !== closed)
      throw new Error(`${this.#openedConnections} connections were opened and ${closed} closed`);
    const signals = [...this.#connections.map(({ request }) => request), ...this.#logins.values()];
    for (const { signal } of signals) {
      if (getEventListeners(signal, "abort").length > 0) throw new Error("An abort listener is left");
    }
    for (const producer of this.#producers) {
      if (producer !== undefined && producer.record.status === "cancelled" && !producer.signal.aborted) {
        throw new Error("The signal of a cancelled writer is not aborted");
      }
    }
  }

  async #open(stream: number): Promise<void> {
    const producer = this.#producers[stream];
    const mustRefuse = this.#closing || (producer !== undefined && producer.record.status === undefined);
    try {
      const writer = await this.#registry.open(streamId(stream));
      if (mustRefuse) throw new Error("A stream was opened that must be refused");
      const record = this.#model.begin(writer.epoch);
      this.#producers[stream] = { record, signal: writer.signal, output: writer, unreadSince: undefined };
    } catch (error) {
      if (!mustRefuse) throw error;
    }
  }

  #openChannel(): void {
    try {
      this.#registry.channel(CHANNEL_ID);
      if (this.#closing) throw new Error("A channel was opened that must be refused");
      this.#channelRecord();
    } catch (error) {
      if (!this.#closing) throw error;
    }
  }

  /** A channel that was forgotten comes back with a new epoch. */
  #channelRecord(): EpochRecord | undefined {
    const epoch = this.#registry.get(CHANNEL_ID)?.epoch;
    return epoch === undefined ? undefined : (this.#model.find(epoch) ?? this.#model.begin(epoch));
  }

  #pushToChannel(count: number): void {
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushedEvents}`;
      try {
        this.#registry.channel(CHANNEL_ID).push({ data });
        if (this.#closing) throw new Error("A push was taken that must be refused");
        this.#channelRecord()?.events.push(data);
      } catch (error) {
        if (!this.#closing) throw error;
      }
    }
  }

  #subscribe(stream: number, slow: boolean): Promise<void> | undefined {
    const subscriber = new SimulatedSubscriber(this.#model);
    this.#subscribers.push(subscriber);
    subscriber.subscribe(this.#registry, streamId(stream), slow ? () => this.#clock.flush() : undefined);
    return this.#databaseTurn();
  }

  async #push(stream: number, count: number): Promise<void> {
    const producer = this.#producers[stream];
    if (producer === undefined) return;
    const { output, record } = producer;
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushedEvents}${this.#pushedEvents % 7 === 0 ? "\nline two" : ""}`;
      const mustRefuse = record.status !== undefined || this.#closing;
      if (output instanceof SimulatedSource) {
        if (mustRefuse) return;
        record.events.push(data);
        output.emit({ event: { event: "token", data } });
        // Let the registry pull the event before the next one.
        await macrotask();
        continue;
      }
      try {
        const id = output.push({ event: "token", data });
        if (id === undefined) {
          if (!mustRefuse) throw new Error("A push was ignored that must be taken");
          continue;
        }
        if (record.status !== undefined) throw new Error("A push was taken that must be refused");
        record.events.push(data);
        if (id !== `${record.epoch}.${record.events.length}`)
          throw new Error(`push returned the id ${id} for event ${record.events.length}`);
      } catch (error) {
        const isOwnEnd = (error as { code?: string }).code === "STREAM_ENDED";
        if (!isOwnEnd || record.status === undefined || record.status === "cancelled") throw error;
      }
    }
  }

  async #end(stream: number, status: "done" | "failed" | "cancelled"): Promise<void> {
    const producer = this.#producers[stream];
    if (producer === undefined) return;
    const { output, record } = producer;
    if (output instanceof SimulatedSource && this.#closing && status !== "cancelled") return;
    record.status ??= status;
    if (status === "cancelled") {
      await this.#registry.cancel(streamId(stream), "user");
    } else if (output instanceof SimulatedSource) {
      output.emit(status === "done" ? { end: "done" } : { error: FINAL });
      await macrotask();
    } else if (status === "done") await output.end();
    else await output.fail(new Error("a secret"));
  }

  /** The registry's `source` function. */
  #startSource(id: string, signal: AbortSignal): SimulatedSource {
    const stream = id === CHANNEL_ID ? CHANNEL : Number(id.slice(-1));
    const previous = this.#producers[stream];
    const epoch = this.#registry.get(id)?.epoch;
    if (epoch === undefined) throw this.#report(new Error("A source was started without a stream"));
    if (previous !== undefined && previous.record.status === undefined)
      throw this.#report(new Error("A second source was started while the first one runs"));
    const record = this.#model.begin(epoch);
    if (stream === CHANNEL) {
      // The application has no source for a channel.
      record.status = "failed";
      throw FINAL;
    }
    const source = new SimulatedSource(record, signal);
    this.#producers[stream] = { record, signal, output: source, unreadSince: undefined };
    signal.addEventListener("abort", () => {
      if (record.status === undefined && !this.#closing && this.#registry.get(id)?.epoch === epoch)
        this.#report(new Error("The registry still has the stream of a source that was stopped"));
      if (record.status === undefined && !this.#closing && this.#isRead(stream))
        this.#report(new Error("A source was stopped although its stream has readers"));
      record.status ??= "cancelled";
    });
    if (!this.#brokenSources.delete(stream)) return source;
    record.status = "failed";
    throw FINAL;
  }

  /** Reports a violation from a callback, whose errors the registry would swallow. */
  #report(error: Error): Error {
    this.#violation ??= error;
    return error;
  }

  #connect({
    client: number,
    cursor,
    now,
    aborted,
    loggedOut,
  }: Extract<Step, { do: "connect" }>): Promise<void> | undefined {
    const client = this.#client(number);
    client.leave();
    const cursors = {
      none: undefined,
      invalid: "§",
      ahead: `${client.cursor?.slice(0, 10) ?? "zzzzzzzzzz"}.1000000000`,
      "other epoch": "zzzzzzzzzz.3",
      terminal: "zzzzzzzzzz.3.end",
    };
    if (cursor !== "own") client.cursor = cursors[cursor];
    const connection = createMemoryClient(client.cursor === undefined ? {} : { cursor: client.cursor });
    this.#connections.push(connection);
    if (aborted) connection.leave();
    const login = new AbortController();
    this.#logins.set(connection, login);
    if (loggedOut) login.abort();
    client.connect(connection);
    const id = streamId(number % STREAMS);
    const answerCount = this.#database?.answersFor(id).count ?? 0;
    const isOfLife = /^[0-9a-z]{10}\.\d+$/.test(client.cursor ?? "");
    this.#arrivals.set(client, { at: this.#clock.now(), isOfLife, answerCount });
    const source: StreamSource = this.#registry.stream(id, {
      from: now ? "now" : "start",
    });
    this.#served.push(
      this.#core.serve(connection.request, connection.open, source, { signal: login.signal }),
    );
    const { status } = connection;
    const expected = aborted ? 499 : client.cursor?.endsWith(".end") === true ? 204 : 200;
    // The database may answer at once that there is no such row, or later.
    const asksDatabase = this.#database !== undefined && !this.#closing && !loggedOut;
    const allowed = expected === 200 && asksDatabase ? [200, 404, undefined] : [expected];
    if (!allowed.includes(status)) throw new Error(`The status is ${status} instead of ${expected}`);
    if (this.#closing && status === 200 && !connection.text.includes('"shutdown"'))
      throw new Error("A client was served after the registry was closed");
    if (loggedOut && status === 200 && !connection.text.startsWith("event: stream.drain\n"))
      throw new Error("A client was served whose user had logged out");
    return this.#databaseTurn();
  }

  /** Checks that the connection is drained, or cut if its client takes nothing. */
  #logOut({ connection }: SimulatedClient): void {
    if (connection === undefined) return;
    const { state, held } = connection;
    this.#logins.get(connection)?.abort();
    if (state !== "idle" && state !== "open") return;
    const isDrained =
      connection.state !== "open" && connection.text.endsWith('data: {"reason":"aborted"}\n\n');
    if (held ? connection.state !== "destroyed" : !isDrained)
      throw new Error("A connection goes on after its user has logged out");
  }

  /** The answer of a prompt database takes some microtasks. Waits for them. */
  #databaseTurn(): Promise<void> | undefined {
    return this.#setup.database === "prompt" ? macrotask() : undefined;
  }

  /** A live stream may expire by itself. The writer's signal says so. */
  #recordEnds(): void {
    for (const producer of this.#producers) {
      if (producer === undefined) continue;
      const { record, signal } = producer;
      if (signal.aborted) record.status ??= this.#closing ? "cancelled" : "expired";
      if (record.status !== undefined) record.endedAt = Math.min(record.endedAt, this.#clock.now());
    }
  }

  /** Checks that the registry has every live stream, and forgets an ended one after `linger`. */
  #checkStreams(): void {
    for (const [stream, producer] of this.#producers.entries()) {
      if (producer === undefined || this.#closing) continue;
      const { record } = producer;
      const held = this.#registry.get(streamId(stream))?.epoch === record.epoch;
      if (!held && record.status === undefined) throw new Error("A live stream was forgotten");
      if (held && this.#clock.now() > record.endedAt + LIMITS.linger)
        throw new Error("An ended stream was kept after linger");
      if (producer.output instanceof SimulatedSource && record.status === undefined)
        this.#checkSource(stream, producer);
    }
  }

  /** Checks that a source stops `linger` after its last reader has left. */
  #checkSource(stream: number, producer: Producer): void {
    const now = this.#clock.now();
    if (this.#isRead(stream)) producer.unreadSince = undefined;
    else producer.unreadSince ??= now;
    if (now > (producer.unreadSince ?? now) + LIMITS.linger)
      throw new Error("A source runs on without readers");
  }

  #isRead(stream: number): boolean {
    const { epoch } = this.#producers[stream]?.record ?? {};
    const held = this.#registry.get(streamId(stream));
    const isReading = ({ connection }: SimulatedClient, number: number): boolean =>
      number % STREAMS === stream &&
      connection?.state === "open" &&
      connection.text.includes(`id: ${epoch}.`);
    return (held?.epoch === epoch && (held?.readers ?? 0) > 0) || this.#clients.some(isReading);
  }

  /** Checks what a client was sent while its stream is looked up. */
  #checkLookUp(client: SimulatedClient, id: string): void {
    const { connection } = client;
    const arrival = this.#arrivals.get(client);
    if (connection === undefined || arrival === undefined) return;
    const answers = this.#database?.answersFor(id);
    const now = this.#clock.now();
    if (connection.status === undefined && now > arrival.at + STATUS_TIMEOUT)
      throw new Error(`No status within ${STATUS_TIMEOUT} ms`);
    const isGone = client.isGone || connection.status === 404;
    if (answers === undefined) this.#checkWaiting(client, arrival, id);
    else if (isGone && answers.lastGone < arrival.at)
      throw new Error("A stream is reported as gone although the database has not said so");
    if (client.isWaiting && this.#setup.sources && answers === undefined)
      throw new Error("A client waits although its source can be started");
    if (client.outageCount === 0) return;
    if (!this.#failedRecently(id, now - arrival.at))
      throw new Error("An outage is reported although the database has not failed");
    if (client.outageCount > (answers?.count ?? 0) - arrival.answerCount + 1)
      throw new Error("One outage is reported twice");
  }

  /** Without a database, a client that has read the stream before is told after `wait` that it is gone. */
  #checkWaiting(client: SimulatedClient, { at, isOfLife }: Arrival, id: string): void {
    const hasWaited = this.#clock.now() >= at + LIMITS.wait;
    if (client.isGone && !this.#goneClients.has(client.connection as MemoryClient)) {
      this.#goneClients.add(client.connection as MemoryClient);
      if (!isOfLife || !hasWaited || this.#setup.sources)
        throw new Error("A stream is reported as gone that may still come");
      if (this.#registry.get(id) !== undefined)
        throw new Error("A stream is reported as gone although the registry has it");
    }
    const isDrained = client.connection?.text.endsWith('data: {"reason":"waiting"}\n\n') === true;
    if (isDrained && isOfLife && !this.#setup.sources)
      throw new Error("A client is asked to wait again for a stream that is gone");
    if (client.isWaiting && client.connection?.held === false && hasWaited)
      throw new Error("A client waits longer than `wait`");
  }

  #failedRecently(id: string, within: number): boolean {
    const failedAt = this.#database?.answersFor(id).lastFailed ?? -Infinity;
    return failedAt >= this.#clock.now() - within - ANSWER_LIFETIME;
  }

  #checkWarning(id: string): void {
    if (this.#registry.get(id) !== undefined)
      this.#report(new Error("A warning about a stream that the registry has"));
  }

  #client(number: number): SimulatedClient {
    return this.#clients[number] as SimulatedClient;
  }
}

function rowOf({ is, number }: Extract<Step, { do: "save row" }>): Row {
  if (is === "running") return { is, behind: number };
  return is === "finished" ? { is, version: number } : { is };
}
