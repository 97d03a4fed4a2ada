import { getEventListeners } from "node:events";
import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { Registry } from "../../../src/registry/types.ts";
import type { Store, StoreOpen, StoreOpened, StorePage } from "../../../src/store/store.ts";
import {
  createFakeClock,
  createMemoryClient,
  createMemoryStore,
  type FakeClock,
  type MemoryClient,
} from "../../../src/testing/index.ts";
import type { StreamWriter } from "../../../src/stream/writer.ts";
import { createFaultyStore, type FaultyStore } from "../../support/faulty-store.ts";
import type { Core } from "../../support/planted-faults.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { lastEvent } from "../epochs.ts";
import { type ProducerRecord, ReferenceModel } from "./reference-model.ts";
import {
  CHANNEL,
  CHANNEL_ID,
  CLIENTS,
  type History,
  PROCESSES,
  type Step,
  streamId,
  STREAMS,
} from "./history.ts";
import { SimulatedClient } from "./simulated-client.ts";

/** Small enough that a short history runs into every limit: a log holds about seven events, the store fifty. */
const LIMITS = { buffer: { events: 50, bytes: 600 }, linger: 3_000, wait: 600_000, maxDuration: 3_600_000 };
/** For how long a stream that is retried waits for another producer, in ms. */
const RETRY_WINDOW = 8_000;
/**
 * In ms. Longer than a lease with a retry window, the check for dead producers, and the time for which a lost stream may
 * come back.
 */
const SETTLE_TIME = 60_000;

/** A store that loses data when the simulation says so. */
export interface SimulatedStore {
  /** Time passes only when the store has answered everything. */
  readonly clock: FakeClock;
  /** The store as the next process has it. */
  connect(): Store;
  /** Removes the oldest frames of a stream, and keeps `keep` of them. */
  trim(id: string, keep: number): void | Promise<void>;
  /** Removes everything. */
  flush(): void | Promise<void>;
  /** Copies everything. The returned function restores the copy, as a failover to an older replica does. */
  copy(): (() => void | Promise<void>) | Promise<() => Promise<void>>;
}

function simulatedMemoryStore(): SimulatedStore {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  return { ...store, clock, connect: () => store };
}

/** Runs one history against three registries. Throws an error that says which promise is broken first. */
export async function run(
  core: Core,
  history: History,
  store: SimulatedStore = simulatedMemoryStore(),
): Promise<void> {
  const simulation = new Simulation(core, history, store);
  for (const step of history.steps) {
    await simulation.perform(step);
    simulation.checkInvariants();
  }
  await simulation.finish();
}

interface Process {
  readonly registry: Registry;
  readonly link: FaultyStore;
  readonly connections: MemoryClient[];
  isStopped: boolean;
}

interface Producer {
  readonly process: Process;
  readonly writer: StreamWriter<AnyEvents>;
  readonly isRetried: boolean;
  readonly record: ProducerRecord;
  /** Whether it has ended or failed the stream. */
  hasEnded: boolean;
}

/** The codes with which `open`, `cancel`, `end` and `fail` may reject. */
const EXPECTED_CODES = [
  "STREAM_EXISTS",
  "STORE_UNAVAILABLE",
  "REGISTRY_CLOSED",
  "LIMIT_EXCEEDED",
  "STREAM_ENDED",
];

class Simulation {
  readonly #core: Core;
  readonly #clock: FakeClock;
  readonly #random: () => number;
  readonly #store: SimulatedStore;
  readonly #model = new ReferenceModel();
  readonly #durability: "local" | "stored";
  readonly #hasMarker: boolean;
  readonly #processes: Process[];
  readonly #stoppedProcesses: Process[] = [];
  /** The latest producer of each stream. */
  readonly #producers: Producer[] = [];
  readonly #allProducers: Producer[] = [];
  readonly #clients: SimulatedClient[];
  readonly #connections: MemoryClient[] = [];
  readonly #pending: Promise<unknown>[] = [];
  /** The events that were pushed to the channel, each with the process that pushed it. */
  readonly #pushedToChannel = new Map<string, Process>();
  #pushedEvents = 0;
  /** How many events of the channel were dropped, as the observers were told. */
  #droppedEvents = 0;
  #rollBack: (() => void | Promise<void>) | undefined;
  /** The ids that somebody has opened with `replace`. */
  readonly #replacedIds = new Set<string>();
  #isRolledBack = false;
  /** Whether calls were made to fail or processes were stopped. */
  #hadFaults = false;
  /** Whether the store has lost data. */
  #hadLosses = false;
  #violation: unknown;

  constructor(core: Core, { durability, hasMarker, seed }: History, store: SimulatedStore) {
    this.#core = core;
    this.#durability = durability;
    this.#hasMarker = hasMarker;
    this.#random = seededRandom(seed);
    this.#clock = store.clock;
    this.#store = store;
    this.#processes = Array.from({ length: PROCESSES }, () => this.#start());
    this.#clients = Array.from(
      { length: CLIENTS },
      (_, number) => new SimulatedClient(streamId(number % STREAMS), this.#model),
    );
  }

  async perform(step: Step): Promise<void> {
    switch (step.do) {
      case "open":
        return this.#open(step);
      case "push":
        if (step.stream === CHANNEL) this.#pushToChannel(step.count, this.#process(step.process));
        else this.#push(step.stream, step.count);
        return;
      case "end":
      case "fail":
        return this.#end(step.stream, step.do);
      case "cancel":
        return this.#cancel(step);
      case "connect":
        return this.#connect(this.#client(step.client), this.#process(step.process), step.withoutCursor);
      case "leave":
        return this.#client(step.client).leave();
      case "stall":
        return this.#client(step.client).connection?.stall();
      case "drain":
        return this.#client(step.client).connection?.drain();
      case "set call fates":
        this.#hadFaults = true;
        this.#process(step.process).link.callFates = step.fates;
        this.#process(step.process).link.markerFates = step.fates;
        return;
      case "set wake-up fates":
        this.#process(step.process).link.wakeUpFates = step.fates;
        return;
      case "kill":
        return this.#kill(step.process);
      case "close":
        return this.#close(step.process);
      case "trim":
        return this.#store.trim(streamId(step.stream), step.keep);
      case "flush store":
        this.#hadLosses = true;
        this.#rollBack = undefined;
        return this.#store.flush();
      case "copy store":
        this.#rollBack = await this.#store.copy();
        return;
      case "restore copy":
        if (this.#rollBack === undefined) return;
        this.#hadLosses = true;
        this.#isRolledBack = true;
        this.#model.rollBack();
        return this.#rollBack();
      case "advance":
        return this.#clock.advance(step.ms);
    }
  }

  /** Checks what must hold after every step. */
  checkInvariants(): void {
    if (this.#violation !== undefined) throw this.#violation;
    for (const client of this.#clients) client.read();
  }

  /**
   * All faults end. Checks that clients have every event, that streams without a producer have ended, and that the
   * registries hold nothing after their close.
   */
  async finish(): Promise<void> {
    for (const { link } of this.#processes) {
      link.callFates = ["ok"];
      link.markerFates = ["ok"];
      link.wakeUpFates = ["ok"];
    }
    for (const connection of this.#connections) connection.drain();
    await this.#clock.advance(SETTLE_TIME);
    this.checkInvariants();
    for (const client of this.#clients) this.#checkSettled(client);
    this.#checkEnds();
    if (!this.#hadLosses) await this.#checkChannel();
    await this.#closeAll();
    this.#checkNothingLeft();
  }

  #start(): Process {
    const store = this.#recordGrants(this.#store.connect());
    const link = createFaultyStore(store, {
      clock: this.#clock,
      random: this.#random,
      pageFrames: 4,
      hasMarker: this.#hasMarker,
    });
    const registry = this.#core.createRegistry({
      ...LIMITS,
      store: link,
      durability: this.#durability,
      clock: this.#clock,
      random: this.#random,
      observer: {
        warned: () => undefined,
        failed: ({ id, stage, error }) => {
          const { code, message } = error as { code?: string; message: string };
          if (id === CHANNEL_ID && code === "LIMIT_EXCEEDED") {
            this.#droppedEvents += Number(/: (\d+)\.$/.exec(message)?.[1]);
            return;
          }
          // An end that came too late: somebody else had opened the stream.
          const isTakenOver = code === "TAKEN_OVER";
          const isOutage = stage === "store" && (this.#hadFaults || this.#hadLosses || isTakenOver);
          if (!isOutage && stage !== "source") this.#violation ??= error;
        },
      },
    });
    return { registry, link, connections: [], isStopped: false };
  }

  #recordGrants(store: Store): Store {
    return {
      ...store,
      open: async (id, options) => {
        const isNewGrant = options.kind === "stream" && options.restoreFence === undefined;
        // In this order, and on the connection of the process.
        const [before, opened] = await Promise.all([
          store.read(id, null, { frames: 1, bytes: 1 }),
          store.open(id, options),
        ]);
        if (opened.role === "producer") this.#checkTakeOver(id, options, before);
        if (opened.role === "producer" && isNewGrant) this.#grant(opened);
        return opened;
      },
    };
  }

  #grant({ epoch, last, joints = [] }: Extract<StoreOpened, { role: "producer" }>): void {
    try {
      this.#model.grant(epoch, last, joints);
    } catch (error) {
      this.#violation ??= error;
    }
  }

  /** A `replace` that nobody has asked for takes the id of a producer that is dead. */
  #checkTakeOver(id: string, { ifExists }: StoreOpen, before: StorePage): void {
    if (ifExists !== "replace" || this.#replacedIds.has(id) || before.code === "missing") return;
    const { status } = before.meta.end ?? {};
    if (status === "done" || status === "cancelled") {
      this.#violation ??= new Error(`A take-over has erased a stream that is ${status}`);
    }
  }

  #cancel({ process, stream, grace = 0 }: Extract<Step, { do: "cancel" }>): void {
    const { registry } = this.#process(process);
    this.#allowFailure(registry.cancel(streamId(stream), "user", { grace }));
  }

  async #open(step: Extract<Step, { do: "open" }>): Promise<void> {
    const { stream, ifExists = "throw", isRetried = false } = step;
    if (stream === CHANNEL) return;
    const process = this.#process(step.process);
    const options = { ifExists, retryWindow: isRetried ? RETRY_WINDOW : 0 };
    if (ifExists === "replace") this.#replacedIds.add(streamId(stream));
    // Of opens that are under way together, the one that is granted last may be answered first.
    const before = this.#producers[stream];
    const opening = process.registry.open(streamId(stream), options).then((writer) => {
      if (ifExists === "throw") this.#checkNothingTaken(before);
      const record = this.#model.begin(writer.epoch);
      const producer = { process, writer, isRetried, record, hasEnded: false };
      this.#producers[stream] = producer;
      this.#allProducers.push(producer);
    });
    this.#allowFailure(opening);
    await this.#clock.flush();
  }

  /** A living producer keeps its stream, whatever the store has lost, if that is noticed. A roll-back is not always. */
  #checkNothingTaken(producer: Producer | undefined): void {
    const isLossUnnoticed = this.#isRolledBack || (this.#hadLosses && !this.#hasMarker);
    const mayBeTaken = this.#hadFaults || isLossUnnoticed;
    if (producer !== undefined && isLive(producer) && !mayBeTaken) {
      throw new Error("An open has taken the stream of a living producer");
    }
  }

  #push(stream: number, count: number): void {
    const producer = this.#producers[stream];
    if (producer === undefined || producer.process.isStopped) return;
    const { writer, record } = producer;
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushedEvents}`;
      try {
        const id = writer.push({ event: "token", data });
        if (id === undefined) {
          this.#checkIgnored(producer);
          continue;
        }
        record.events.push(data);
        if (id !== `${record.epoch}.${lastEvent(record)}`)
          throw new Error(`push returned the id ${id} for event ${lastEvent(record)}`);
      } catch (error) {
        const isOwnEnd = producer.hasEnded && (error as { code?: string }).code === "STREAM_ENDED";
        if (!isOwnEnd) throw error;
      }
    }
  }

  /** A push is ignored only when somebody else has ended the stream, or there was no room: then the stream has failed. */
  #checkIgnored({ writer, record, process }: Producer): void {
    if (!writer.signal.aborted) throw new Error("A push was ignored although the producer has its stream");
    if (process.registry.get(writer.id)?.status === "failed") record.status ??= "failed";
  }

  #pushToChannel(count: number, process: Process): void {
    for (let pushed = 0; pushed < count; pushed++) {
      const data = `${++this.#pushedEvents}`;
      process.registry.channel(CHANNEL_ID).push({ data });
      this.#pushedToChannel.set(data, process);
    }
  }

  #end(stream: number, how: "end" | "fail"): void {
    const producer = this.#producers[stream];
    if (producer === undefined || producer.process.isStopped || producer.record.status !== undefined) return;
    const { writer, record, isRetried } = producer;
    const failed = isRetried ? "interrupted" : "failed";
    producer.hasEnded = true;
    if (!writer.signal.aborted) record.status = how === "end" ? "done" : failed;
    this.#allowFailure(how === "end" ? writer.end() : writer.fail(new Error("a secret")));
  }

  async #connect(client: SimulatedClient, process: Process, withoutCursor: boolean): Promise<void> {
    client.leave();
    if (withoutCursor) client.cursor = undefined;
    const connection = createMemoryClient(client.cursor === undefined ? {} : { cursor: client.cursor });
    this.#connections.push(connection);
    process.connections.push(connection);
    client.connect(connection);
    const { registry } = process;
    const source = client.id === CHANNEL_ID ? registry.channel(CHANNEL_ID) : registry.stream(client.id);
    this.#pending.push(this.#core.serve(connection.request, connection.open, source));
    await this.#clock.flush();
  }

  #kill(number: number): void {
    this.#hadFaults = true;
    const process = this.#process(number);
    this.#stop(process);
    this.#processes[number % PROCESSES] = this.#start();
    process.link.disconnect();
    for (const connection of process.connections) connection.leave();
  }

  #close(number: number): void {
    this.#hadFaults = true;
    const process = this.#process(number);
    this.#stop(process);
    this.#processes[number % PROCESSES] = this.#start();
    this.#pending.push(process.registry.close({ deadline: 1_000, spread: 0 }));
  }

  #stop(process: Process): void {
    process.isStopped = true;
    this.#stoppedProcesses.push(process);
  }

  /** Checks that a connected client has every event, or the end of its stream. */
  #checkSettled(client: SimulatedClient): void {
    const { connection, position } = client;
    if (connection === undefined || connection.state !== "open") return;
    if (client.isWaiting || position === undefined) {
      if (client.id === CHANNEL_ID) throw new Error("A client waits for a channel");
      const producer = this.#producers[Number(client.id.slice(-1))];
      if (producer !== undefined && isLive(producer)) throw new Error("A client waits for a live stream");
      return;
    }
    if (client.id === CHANNEL_ID) return;
    // Another producer may have continued the stream, and pushed nothing yet.
    const producer = this.#allProducers.find(
      (candidate) => isLive(candidate) && this.#model.continues(position, candidate.record.epoch),
    );
    if (producer === undefined) throw new Error(`Idle without a producer at event ${position.seq}`);
    const last = lastEvent(producer.record);
    if (position.seq !== last) throw new Error(`Idle at event ${position.seq} of ${last}`);
  }

  /** Checks that all clients of a stream were sent the same end, unless the store or a producer lost data. */
  #checkEnds(): void {
    for (const { epoch, reportedStatuses } of this.#model.records) {
      const mayDiffer = this.#hadLosses || (this.#hadFaults && this.#durability === "local");
      if (reportedStatuses.size > 1 && !mayDiffer)
        throw new Error(`The stream ${epoch} has ended as ${[...reportedStatuses].join(" and ")}`);
      if (reportedStatuses.has("lost") && !this.#hadFaults && !this.#hadLosses)
        throw new Error(`The stream ${epoch} was lost`);
    }
  }

  /** Checks that the store has each event that was pushed to the channel once, unless it trimmed the channel. */
  async #checkChannel(): Promise<void> {
    const page = await this.#store.connect().read(CHANNEL_ID, null, { frames: 1_000, bytes: Infinity });
    const frames = page.code === "ok" ? page.frames : [];
    const stored = frames.map((frame) => /data: (.*)/.exec(new TextDecoder().decode(frame))?.[1]);
    if (new Set(stored).size !== stored.length)
      throw new Error(`The store has an event twice: ${stored.join()}`);
    if (page.code === "ok" && page.meta.first > 1) return;
    const missing = Array.from(this.#pushedToChannel).filter(
      ([data, { isStopped }]) => !isStopped && !stored.includes(data),
    );
    if (missing.length > this.#droppedEvents)
      throw new Error(`The store does not have ${missing.length} events`);
  }

  async #closeAll(): Promise<void> {
    for (const client of this.#clients) client.leave();
    for (const connection of this.#connections) connection.leave();
    const all = [...this.#processes, ...this.#stoppedProcesses];
    const closed = all.map(({ registry }) => registry.close({ deadline: 0 }));
    await this.#clock.advance(4_000);
    await Promise.all([...closed, ...this.#pending]);
    for (const { registry } of all) {
      const gauges = JSON.stringify(registry.gauges());
      if (/[1-9]/.test(gauges)) throw new Error(`Still held: ${gauges}`);
    }
  }

  #checkNothingLeft(): void {
    if (this.#clock.timers > 0) throw new Error(`${this.#clock.timers} timers are left`);
    for (const { request } of this.#connections) {
      if (getEventListeners(request.signal, "abort").length > 0) throw new Error("An abort listener is left");
    }
  }

  /** The call may fail, but only with an expected code. */
  #allowFailure(call: Promise<unknown>): void {
    const checked = call.catch((error: unknown) => {
      const { code } = error as { code?: string };
      if (!EXPECTED_CODES.includes(code ?? "")) this.#violation ??= error;
    });
    this.#pending.push(checked);
  }

  #process(number: number): Process {
    return this.#processes[number % PROCESSES] as Process;
  }

  #client(number: number): SimulatedClient {
    return this.#clients[number % CLIENTS] as SimulatedClient;
  }
}

function isLive({ process, writer, record }: Producer): boolean {
  return !process.isStopped && !writer.signal.aborted && record.status === undefined;
}
