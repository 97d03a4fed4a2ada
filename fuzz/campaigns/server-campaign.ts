import { readHonestly } from "../clients/honest-client.ts";
import type { Protocol } from "../clients/request.ts";
import type { Child } from "../harness/child-process.ts";
import { Random } from "../harness/random.ts";
import { inTime, Violation, waitFor } from "../harness/wait.ts";
import { checkFlat, heapGrowth } from "../invariants/flat-heap.ts";
import type { SourceKind } from "../invariants/stream-checker.ts";
import type { ServerCommands } from "../servers/server-child.ts";
import { attackServer } from "./attack-server.ts";
import { emptyResult, type Result } from "./result.ts";

/** The servers of one target, and what else may fail. */
export interface Setup {
  readonly children: readonly Child<ServerCommands>[];
  readonly faults: {
    start(): Promise<void>;
    /** From now on everything works. */
    stop(): Promise<void>;
    count(): Promise<number>;
  };
  close(): Promise<void>;
}

export interface ServerTarget {
  readonly name: string;
  readonly protocol: Protocol;
  readonly open: (seed: number) => Promise<Setup>;
}

export interface CampaignOptions {
  readonly connections: number;
  readonly rounds: number;
  readonly seed: number;
}

const HOSTILE_CLIENTS = 150;
const HONEST_CLIENTS = 8;

const SOURCES: readonly (readonly [kind: SourceKind, path: string, count: number])[] = [
  ["stream", "/jobs/job-", 4],
  ["stream", "/jobs/flaky-", 2],
  ["stream", "/jobs/row-", 10],
  ["channel", "/rooms/room-", 2],
  ["stream", "/demand/demand-", 6],
  ["bare", "/bare/count", 0],
];

/** More are no accident. */
const MOST_NODE_ABORTS = 20;

/** Attacks the servers of one target while honest clients read from them. Throws a `Violation` if a promise is broken. */
export async function runServerCampaign(target: ServerTarget, options: CampaignOptions): Promise<Result> {
  const result = emptyResult(target.name);
  for (let seed = options.seed; ; seed++) {
    const connections = Math.max(1, options.connections - result.connections);
    const setup = await target.open(seed);
    try {
      await new ServerCampaign(target, setup, { ...options, connections, seed }, result).run();
      return result;
    } catch (error) {
      if (!isNodeAbort(error) || ++result.nodeAborts > MOST_NODE_ABORTS) throw error;
    } finally {
      await setup.close();
    }
  }
}

/**
 * Node 24 now and then aborts while it destroys a session of HTTP/2 that was attacked, also under a server without
 * holdfast. That is no reason to attack less.
 */
function isNodeAbort(error: unknown): boolean {
  return /~Http2Session[^]*current_nghttp2_memory_/.test((error as Error).message);
}

class ServerCampaign {
  readonly #target: ServerTarget;
  readonly #setup: Setup;
  readonly #options: CampaignOptions;
  readonly #random: Random;
  readonly #result: Result;
  /** For each child, the size of its heap after each round. */
  readonly #heaps: number[][];
  /** Aborts when the campaign has failed: nobody goes on then. */
  readonly #over = new AbortController();
  #ports: readonly number[] = [];

  constructor(target: ServerTarget, setup: Setup, options: CampaignOptions, result: Result) {
    this.#target = target;
    this.#setup = setup;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#result = result;
    this.#heaps = setup.children.map(() => []);
  }

  async run(): Promise<void> {
    const { children } = this.#setup;
    try {
      await Promise.race([this.#run(), ...children.map(({ crashed }) => crashed)]);
    } finally {
      this.#over.abort(new Violation("The campaign is over."));
    }
  }

  async #run(): Promise<void> {
    const { children, faults } = this.#setup;
    const { rounds, connections } = this.#options;
    this.#ports = (await Promise.all(children.map((child) => child.run("listen")))).flat();
    for (let round = 0; round < rounds; round++) await this.#round(Math.ceil(connections / rounds));
    for (const child of children) {
      checkZero(await child.run("close"));
      child.check();
    }
    for (const heap of this.#heaps) checkFlat(heap);
    this.#result.growth = Math.max(this.#result.growth, ...this.#heaps.map(heapGrowth));
    const failed = await faults.count();
    this.#result.faults += failed;
  }

  async #round(connections: number): Promise<void> {
    const { children, faults } = this.#setup;
    await Promise.all(children.map((child) => child.run("start")));
    await faults.start();
    const stop = new AbortController();
    const honest = Promise.all(Array.from({ length: HONEST_CLIENTS }, () => this.#readUntil(stop.signal)));
    // Nobody waits for the honest clients before the hostile ones are done.
    honest.catch(() => stop.abort());
    await this.#attack(connections, stop.signal);
    await faults.stop();
    stop.abort();
    await honest;
    await Promise.all(children.map((child) => child.run("stop")));
    for (const [index, child] of children.entries()) {
      await checkQuiet(child);
      this.#heaps[index]?.push(await child.memory());
      child.check();
    }
  }

  async #attack(connections: number, stop: AbortSignal): Promise<void> {
    const { protocol } = this.#target;
    let left = connections;
    const client = async (): Promise<void> => {
      while (left-- > 0 && !stop.aborted && !this.#over.signal.aborted) {
        const random = this.#random.fork();
        const refused = await attackServer(protocol, random.pick(this.#ports), random);
        this.#result.refused += refused;
        this.#result.connections++;
        this.#result.faults++;
      }
    };
    await Promise.all(Array.from({ length: HOSTILE_CLIENTS }, client));
  }

  async #readUntil(stop: AbortSignal): Promise<void> {
    const { protocol } = this.#target;
    do {
      const random = this.#random.fork();
      const [kind, start, count] = random.pick(SOURCES);
      const path = count === 0 ? start : `${start}${random.int(0, count - 1)}`;
      const steps: string[] = [];
      const trace = (text: string): void => void (steps.push(text) > 20 && steps.shift());
      const over = this.#over.signal;
      const client = { protocol, ports: this.#ports, path, kind, random, stop, over, trace };
      const { events, resets, cuts, refused } = await inTime(
        readHonestly(client),
        () => `the end of ${path}, whose client: ${steps.join("; ")}`,
      );
      this.#result.reads++;
      this.#result.events += events;
      this.#result.resets += resets;
      this.#result.faults += cuts;
      this.#result.refused += refused;
    } while (!stop.aborted && !this.#over.signal.aborted);
  }
}

/** Waits until nothing is left of any client. */
async function checkQuiet(child: Child<ServerCommands>): Promise<void> {
  let state: Readonly<Record<string, number>> = {};
  await waitFor(
    async () => {
      state = await child.run("state");
      return Object.values(state).every((value) => value === 0) || undefined;
    },
    () => `nothing but zeros in ${JSON.stringify(state)}`,
  );
}

function checkZero(state: Readonly<Record<string, number>>): void {
  if (Object.values(state).some((value) => value !== 0))
    throw new Violation(`Still held after the close: ${JSON.stringify(state)}`);
}
