import { setTimeout as pause } from "node:timers/promises";
import { createRegistry, HoldfastError, type Observer, type Store } from "@holdfast/core";
import { fastClock } from "../../packages/conformance/test/processes/fast-clock.ts";
import type { Random } from "../harness/random.ts";
import { eventData } from "../invariants/event-data.ts";
import { BareSources } from "./bare-sources.ts";
import { Database } from "./database.ts";
import {
  PLANNED,
  type Producer,
  produceChannel,
  produceLives,
  produceWithInterruptions,
} from "./producers.ts";
import type { Route, Served } from "./route.ts";

export interface ServiceOptions {
  readonly random: Random;
  /** Which of `processes` this is: the producers are shared out among them. */
  readonly index: number;
  readonly processes: number;
  readonly store: Store | undefined;
  readonly report: (error: unknown) => void;
}

const JOBS = 4;
/** With the fast clock these are a quarter of what they say. Small enough that every limit is reached. */
const LIMITS = {
  clock: fastClock,
  heartbeat: 2_000,
  idleTimeout: 8_000,
  maxDuration: 12_000,
  wait: 6_000,
  linger: 6_000,
  buffer: { events: 300, bytes: 256 << 10 },
  maxConnections: 300,
  maxConnectionsPerKey: 10,
  maxWaiting: 60,
  maxStreams: 500,
};
/** The key of one user, who opens many connections. */
const USER = "user-1";
/** What the observer is told of a row that hangs. */
const HANGING = "There was no answer within 5000 ms.";
const STORE_ERRORS = ["STORE_UNAVAILABLE", "TAKEN_OVER", "LIMIT_EXCEEDED"];

/** A service with every kind of source, some of which fail. It is what clients attack. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #jobs;
  readonly #demand;
  readonly #bare = new BareSources();
  readonly #database: Database;
  #runs = 0;
  #isRunning = false;
  #producers: Promise<unknown> = Promise.resolve();

  constructor(options: ServiceOptions) {
    const { store, random } = options;
    this.#options = options;
    this.#database = new Database(random.fork());
    const observer = this.#observer();
    const durability = random.pick(["local", "stored"] as const);
    const shared = { ...LIMITS, observer, random: random.next };
    this.#jobs = createRegistry<{ message: string }>({
      ...shared,
      snapshot: (id) => this.#database.ask(id),
      durability,
      ...(store !== undefined && { store }),
    });
    this.#demand = createRegistry<{ message: string }>({
      ...shared,
      source: (id, { signal }) => this.#onDemand(id, signal),
    });
  }

  readonly route: Route = (url) => {
    const [, folder = "", id = "", query = ""] = /^\/([^/?]*)\/([^?]*)\??(.*)$/.exec(url) ?? [];
    const source = this.#source(folder, decoded(id));
    if (source === undefined) return undefined;
    if (query === "kick") this.#kick().catch(this.#options.report);
    const options = {
      ...(query === "refuse" && { overload: "refuse" as const }),
      ...(query === "plain" && { control: false }),
      ...(query === "logout" && { signal: AbortSignal.timeout(100) }),
      ...(["user", "kick"].includes(query) && { key: USER }),
      ...(folder === "bare" && { registry: this.#jobs, buffer: LIMITS.buffer }),
    };
    return { source, options };
  };

  /** Starts the producers. */
  start(): void {
    const { random, index, processes, report } = this.#options;
    this.#isRunning = true;
    const producer = (): Producer => ({
      registry: this.#jobs,
      random: random.fork(),
      name: `process-${index}`,
      isRunning: () => this.#isRunning,
      report,
    });
    const jobs = Array.from({ length: JOBS }, (_, job) => job).filter((job) => job % processes === index);
    this.#producers = Promise.all([
      ...jobs.map((job) => produceLives(producer(), `job-${job}`)),
      // With a store every process wants these two, and takes them over.
      produceWithInterruptions(producer(), "flaky-0"),
      produceWithInterruptions(producer(), "flaky-1"),
      produceChannel(producer(), "room-0"),
      produceChannel(producer(), "room-1"),
    ]);
  }

  /** Stops the producers, each behind the end of its stream. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#producers;
  }

  /** What must be zero when no client is connected. */
  state(): Record<string, number> {
    const [jobs, demand] = [this.#jobs.gauges(), this.#demand.gauges()];
    return {
      connections: jobs.connections + demand.connections,
      waiting: jobs.waiting + demand.waiting,
      keys: this.#jobs.connections().length + this.#demand.connections(USER).length,
      // Only channels stay.
      streams: Math.max(0, jobs.streams - 2) + demand.streams,
      bareSources: this.#bare.running,
    };
  }

  /** Closes everything. Returns what must be zero then. */
  async close(): Promise<Record<string, number>> {
    await Promise.all([this.#jobs.close({ spread: 0 }), this.#demand.close({ spread: 0 })]);
    const [jobs, demand] = [this.#jobs.gauges(), this.#demand.gauges()];
    return { ...this.state(), streams: jobs.streams + demand.streams, bytes: jobs.bytes + demand.bytes };
  }

  #source(folder: string, id: string): Served["source"] | undefined {
    switch (folder) {
      case "jobs":
        return this.#jobs.stream(id);
      case "rooms":
        return ["room-0", "room-1"].includes(id) ? this.#jobs.channel(id) : undefined;
      case "demand":
        return this.#demand.stream(id);
      case "bare":
        return this.#bare.get(id);
      default:
        return undefined;
    }
  }

  async #kick(): Promise<void> {
    try {
      await this.#jobs.disconnect(USER);
    } catch (error) {
      if (!hasCode(error, STORE_ERRORS)) throw error;
    }
  }

  async *#onDemand(id: string, signal: AbortSignal): AsyncGenerator<{ data: string }> {
    if (id === "failing") throw new Error(PLANNED);
    const isFinite = id.startsWith("demand-");
    const life = `${isFinite ? id : "endless"}/${this.#options.index}/${++this.#runs}`;
    const count = isFinite ? 150 : Infinity;
    for (let number = 1; number <= count && !signal.aborted; number++) {
      yield { data: eventData(life, number, number === count) };
      if (number % 10 === 0) await pause(isFinite ? 10 : 200, undefined, { ref: false });
    }
  }

  #observer(): Observer {
    return {
      warned: () => undefined,
      failed: ({ stage, error }) => {
        const { store, report } = this.#options;
        const isPlanned = error instanceof Error && [PLANNED, HANGING].includes(error.message);
        // An outage shows at other stages too: a stream fails when there is no room for its events.
        const isOutage = store !== undefined && (stage === "store" || hasCode(error, STORE_ERRORS));
        if (!isPlanned && !isOutage && !hasCode(error, ["LIMIT_EXCEEDED"])) report(error);
      },
    };
  }
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return HoldfastError.is(error) && codes.includes(error.code);
}

/** The application's own decoding, which takes anything. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
