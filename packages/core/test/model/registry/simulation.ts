import { getEventListeners } from "node:events";
import type { Registry } from "../../../src/registry/types.ts";
import type { StreamSource } from "../../../src/connection/source.ts";
import type { CloseReason } from "../../../src/protocol/reasons.ts";
import {
  createFakeClock,
  createMemoryClient,
  type FakeClock,
  type MemoryClient,
} from "../../../src/testing/index.ts";
import type { Core } from "../../support/planted-faults.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { positionOf } from "../position.ts";
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
import { macrotask } from "./simulated-producer.ts";
import { type Shutdown, SimulatedStream } from "./simulated-stream.ts";
import { ReferenceModel, type StreamRecord } from "./reference-model.ts";

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

/** The state of the simulation when a client connected. */
interface Arrival {
  readonly at: number;
  /** Whether it has read the stream before. */
  readonly isOfLife: boolean;
  readonly answerCount: number;
}

type StepOf<Name extends Step["do"]> = Extract<Step, { readonly do: Name }>;

class Simulation {
  readonly #core: Core;
  readonly #setup: Setup;
  readonly #clock: FakeClock = createFakeClock();
  readonly #model = new ReferenceModel();
  readonly #registry: Registry;
  readonly #database: SimulatedDatabase | undefined;
  /** The streams that have a producer: all but the channel. */
  readonly #streams: SimulatedStream[];
  readonly #clients: SimulatedClient[];
  readonly #arrivals = new Map<SimulatedClient, Arrival>();
  readonly #subscribers: SimulatedSubscriber[] = [];
  readonly #connections: MemoryClient[] = [];
  /** The `signal` of each connection, which aborts when its user logs out. */
  readonly #logins = new Map<MemoryClient, AbortController>();
  readonly #served: Promise<void>[] = [];
  readonly #closedConnections: CloseReason[] = [];
  /** The connections that were told that their stream is gone. */
  readonly #goneClients = new Set<MemoryClient>();
  #openedConnections = 0;
  #pushedEvents = 0;
  #shutdown: Shutdown = { hasBegun: false, graceEndsAt: Infinity, isGraceOver: false };
  #violation: unknown;

  constructor(core: Core, setup: Setup, seed: number) {
    this.#core = core;
    this.#setup = setup;
    this.#streams = Array.from({ length: STREAMS }, (_, stream) => this.#createStream(stream));
    if (setup.database !== "none") {
      this.#database = new SimulatedDatabase({
        clock: this.#clock,
        model: this.#model,
        streamOf: (id) => this.#streamOf(id),
        isPrompt: setup.database === "prompt",
      });
    }
    this.#registry = core.createRegistry({
      ...LIMITS,
      // Longer than the poll interval, so that clients live to see a second answer.
      ...(this.#database !== undefined && {
        wait: 3_500,
        snapshot: this.#database.query,
        snapshotTimeout: 3_600_000,
      }),
      ...(setup.sources && { source: (id, { signal }) => this.#streamOf(id).startSource(signal) }),
      clock: this.#clock,
      random: seededRandom(seed),
      observer: {
        connectionOpened: () => void this.#openedConnections++,
        connectionClosed: ({ reason }) => void this.#closedConnections.push(reason),
        streamEnded: ({ id, epoch, status }) => {
          if (id !== CHANNEL_ID) this.#streamOf(id).onEnded(epoch, status);
        },
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
        return step.stream === CHANNEL ? this.#openChannel() : this.#open(step);
      case "push":
        return step.stream === CHANNEL
          ? this.#pushToChannel(step.count)
          : this.#stream(step.stream).push(step.count);
      case "subscribe":
        return this.#subscribe(step);
      case "end":
        return this.#stream(step.stream).end();
      case "fail":
        return this.#stream(step.stream).fail(step.how);
      case "cancel":
        return this.#stream(step.stream).cancel(step.grace);
      case "act late":
        return this.#stream(step.stream).actLate(step.how);
      case "break source":
        return this.#stream(step.stream).breakSource(step.isRetried);
      case "save row":
        this.#database?.save(streamId(step.stream), rowOf(step));
        return;
      case "answer query":
        this.#database?.answer(step.query, step.stale);
        return macrotask();
      case "connect":
        return this.#connect(step);
      case "leave":
        return this.#leave(step.client, step.charactersRead);
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
        void this.#close(step);
        // A close that shortens the grace drains the clients in the next turn.
        return this.#clock.flush();
    }
  }

  /** Checks what must hold after every step. */
  checkInvariants(): void {
    if (this.#violation !== undefined) throw this.#violation;
    this.#checkGrace();
    for (const stream of this.#streams) stream.check();
    this.#database?.check();
    for (const [number, client] of this.#clients.entries()) {
      client.read();
      if (client.heldFor(this.#clock.now()) > LIMITS.idleTimeout)
        throw new Error("A connection is kept although its client takes nothing");
      this.#checkLookUp(client, streamId(number % STREAMS));
      if (this.#shutdown.hasBegun) this.#checkServed(client, streamId(number % STREAMS));
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
    const isServed = this.#clients.some(({ connection }) => connection?.state === "open");
    if (this.#shutdown.isGraceOver && isServed)
      throw new Error("A client is served although the registry waits for no stream any more");
    if (this.#database !== undefined) await this.#recoverDatabase(this.#database);
    for (const client of this.#clients) client.checkSettled();
    await this.#endAll();
    for (const subscriber of this.#subscribers) subscriber.leave();
    for (const client of this.#clients) client.leave();
    for (const connection of this.#connections) connection.leave();
    this.#database?.checkNothingLeft();
    const closed = this.#close({ grace: 0, deadline: 0 });
    await this.#clock.advance(0);
    await closed;
    await Promise.all(this.#served);
    await Promise.all(this.#subscribers.map(({ done }) => done));
    this.#checkNothingLeft();
  }

  /** The database recovers and knows the state of every stream. Checks that all clients that wait learn of it. */
  async #recoverDatabase(database: SimulatedDatabase): Promise<void> {
    for (const { id, record } of this.#streams) {
      const isLive = record !== undefined && record.status === undefined;
      database.save(id, isLive ? { is: "pending" } : { is: "finished", version: 99 });
    }
    database.save(CHANNEL_ID, { is: "pending" });
    // 2.6 s is longer than the poll interval. After an outage the interval is longer, but then `wait` ends first.
    for (let tenth = 0; tenth < 26; tenth++) {
      database.answerAll();
      await this.#clock.advance(100);
      // A client may come to a source and leave it within this time, which a check behind all of it would not see.
      this.checkInvariants();
    }
    for (const { id } of this.#streams) {
      const held = this.#registry.get(id);
      const isRead = held !== undefined && held.readers > 0;
      if (held?.status === "interrupted" && isRead && !database.answersFor(id).failing)
        throw new Error("A stream is interrupted although the database has the result");
    }
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

  /** Every job succeeds that can. Checks that all clients who read it get the end. */
  async #endAll(): Promise<void> {
    for (const stream of this.#streams) await stream.end();
    this.#checkGrace();
    await this.#clock.flush();
    this.checkInvariants();
    for (const client of this.#clients) client.checkSettled();
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
    for (const stream of this.#streams) stream.checkClosed();
  }

  #createStream(stream: number): SimulatedStream {
    const id = streamId(stream);
    return new SimulatedStream(id, {
      clock: this.#clock,
      model: this.#model,
      limits: LIMITS,
      registry: () => this.#registry,
      shutdown: () => this.#shutdown,
      nextData: () => `${++this.#pushedEvents}${this.#pushedEvents % 7 === 0 ? "\nline two" : ""}`,
      isRead: (record) => this.#isRead(stream, record),
      isAsked: () => this.#database?.isAsked(id) === true,
      isWaitedFor: () => this.#isWaitedFor(stream),
      isAskedAgain: () => this.#database?.answersFor(id).lastAt === this.#clock.now(),
      wasAsked: () => this.#database?.answersFor(id).lastAborted === this.#clock.now(),
      report: (error) => this.#report(error),
    });
  }

  async #open({ stream, times, isEmpty, ...options }: StepOf<"open">): Promise<void> {
    for (let time = 1; time < times; time++) await this.#stream(stream).open(options);
    await this.#stream(stream).open({ ...options, isEmpty });
  }

  #close({ grace, deadline }: Omit<StepOf<"close">, "do">): Promise<void> {
    const graceEndsAt = Math.min(this.#shutdown.graceEndsAt, this.#clock.now() + grace);
    this.#shutdown = { ...this.#shutdown, hasBegun: true, graceEndsAt };
    this.#checkGrace();
    return this.#registry.close({ grace, deadline, spread: 100 });
  }

  /** The registry waits for the streams that were opened in it, and no longer than its grace. */
  #checkGrace(): void {
    const { hasBegun, graceEndsAt, isGraceOver } = this.#shutdown;
    if (!hasBegun || isGraceOver) return;
    const isOver =
      this.#clock.now() >= graceEndsAt || !this.#streams.some(({ isProducedHere }) => isProducedHere);
    this.#shutdown = { hasBegun, graceEndsAt, isGraceOver: isOver };
  }

  #openChannel(): void {
    this.#registry.channel(CHANNEL_ID);
    this.#channelRecord();
  }

  /** A channel that was forgotten comes back with a new epoch. */
  #channelRecord(): StreamRecord | undefined {
    const epoch = this.#registry.get(CHANNEL_ID)?.epoch;
    return epoch === undefined ? undefined : (this.#model.find(epoch) ?? this.#model.begin(epoch));
  }

  #pushToChannel(count: number): void {
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushedEvents}`;
      this.#registry.channel(CHANNEL_ID).push({ data });
      this.#channelRecord()?.events.push(data);
    }
  }

  #subscribe({ stream, slow, isResumed }: StepOf<"subscribe">): Promise<void> | undefined {
    const id = streamId(stream);
    const cursor = this.#subscribers.findLast((subscriber) => subscriber.id === id)?.cursor;
    const subscriber = new SimulatedSubscriber(id, this.#model, isResumed ? cursor : undefined);
    this.#subscribers.push(subscriber);
    subscriber.subscribe(this.#registry, slow ? () => this.#clock.flush() : undefined);
    return this.#databaseTurn();
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
  }: StepOf<"connect">): Promise<void> | undefined {
    const client = this.#client(number);
    this.#leave(number);
    const cursors = {
      none: undefined,
      invalid: "§",
      ahead: `${client.cursor?.slice(0, 10) ?? "zzzzzzzzzz"}.1000000000`,
      "slightly ahead": slightlyAhead(client.cursor),
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
    const mustServe = !this.#shutdown.hasBegun || this.#runsOn(id);
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
    const asksDatabase = this.#database !== undefined && mustServe && !loggedOut;
    const allowed = expected === 200 && asksDatabase ? [200, 404, undefined] : [expected];
    if (!allowed.includes(status)) throw new Error(`The status is ${status} instead of ${expected}`);
    if (!mustServe && status === 200 && !connection.text.includes('"shutdown"'))
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

  #isRead(stream: number, { epoch, life }: StreamRecord): boolean {
    const held = this.#registry.get(streamId(stream));
    const isReading = ({ connection }: SimulatedClient, number: number): boolean =>
      number % STREAMS === stream &&
      connection?.state === "open" &&
      connection.text.includes(`id: ${epoch}.`);
    return (held?.epoch === life.newest.epoch && held.readers > 0) || this.#clients.some(isReading);
  }

  #isWaitedFor(stream: number): boolean {
    const isServed = ({ connection }: SimulatedClient, number: number): boolean =>
      number % STREAMS === stream && (connection?.state === "idle" || connection?.state === "open");
    const id = streamId(stream);
    return this.#clients.some(isServed) || this.#subscribers.some((one) => one.id === id && !one.isOver);
  }

  /** Whether a closing registry still serves the clients of a stream. */
  #runsOn(id: string): boolean {
    return !this.#shutdown.isGraceOver && this.#streamOf(id).isProducedHere;
  }

  /** Checks that a closing registry drains nobody who reads a stream that runs on, and everybody else. */
  #checkServed(client: SimulatedClient, id: string): void {
    const { connection } = client;
    if (connection === undefined) return;
    if (this.#runsOn(id) && client.isDrained("shutdown"))
      throw new Error("A client of a stream that runs on was drained");
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

  #leave(number: number, charactersRead?: number): void {
    this.#stream(number % STREAMS).onReaderLeft();
    this.#client(number).leave(charactersRead);
  }

  #checkWarning(id: string): void {
    if (this.#registry.get(id) !== undefined)
      this.#report(new Error("A warning about a stream that the registry has"));
  }

  #stream(number: number): SimulatedStream {
    return this.#streams[number] as SimulatedStream;
  }

  #streamOf(id: string): SimulatedStream {
    return this.#streams.find((stream) => stream.id === id) as SimulatedStream;
  }

  #client(number: number): SimulatedClient {
    return this.#clients[number] as SimulatedClient;
  }
}

/** The event behind the cursor, which may belong to the next producer. */
function slightlyAhead(cursor: string | undefined): string | undefined {
  const at = positionOf(cursor);
  return at && `${at.epoch}.${at.seq + 1}`;
}

function rowOf({ is, number }: StepOf<"save row">): Row {
  if (is === "running") return { is, behind: number };
  return is === "finished" ? { is, version: number } : { is };
}
