import type { Channel, Registry, StreamWriter } from "@holdfast/core";
import type { FeedEvents, JobEvents, ValueEvents } from "./events.ts";

const MACHINES: readonly string[] = Array.from({ length: 30 }, (_, index) => `machine ${index + 1}`);

/** How many steps a job has. */
const STEPS = 100;
/** Every so many ticks the feed has an entry. */
const TICKS_PER_ENTRY = 8;

export interface FactoryOptions {
  readonly jobs: Registry<JobEvents>;
  readonly feed: Channel<FeedEvents>;
  readonly values: Channel<ValueEvents>;
  /** The time between two ticks, in ms. */
  readonly interval: number;
}

/** What the dashboard shows: at each tick a job takes a step, and the load of a machine changes. */
export class Factory {
  readonly #options: FactoryOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #measured = new Map<string, number>();
  #job: StreamWriter<JobEvents> | undefined;
  #jobs = 0;
  #entries = 0;
  #ticks = 0;

  constructor(options: FactoryOptions) {
    this.#options = options;
    for (const name of MACHINES) this.#measure(name);
    this.#timer = setInterval(() => void this.#tick(), options.interval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    this.#ticks++;
    this.#measure(MACHINES[Math.floor(Math.random() * MACHINES.length)] as string);
    if (this.#ticks % TICKS_PER_ENTRY === 0) this.#report("a batch was delivered");
    const job = this.#job;
    if (job === undefined) return;
    job.push({ event: "step", data: { number: job.last + 1, of: STEPS } });
    if (job.last < STEPS) return;
    this.#job = undefined;
    await job.end();
    this.#report(`${job.id} is done`);
  }

  /** Starts a job, unless one is running. */
  async startJob(): Promise<void> {
    if (this.#job !== undefined) return;
    const id = `job ${++this.#jobs}`;
    this.#job = await this.#options.jobs.open(id);
    this.#options.values.push({ event: "job", data: { id } });
    this.#report(`${id} has started`);
  }

  #measure(name: string): void {
    const number = (this.#measured.get(name) ?? 0) + 1;
    this.#measured.set(name, number);
    const percent = Math.round(100 * Math.random());
    this.#options.values.push({ event: "load", data: { name, percent, number } });
  }

  #report(text: string): void {
    this.#options.feed.push({ event: "entry", data: { number: ++this.#entries, text } });
  }
}
