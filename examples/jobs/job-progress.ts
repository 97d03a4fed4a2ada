import type { Clock, StreamEvent } from "@holdfast/hono";
import type { Counts, FileResult, JobEvents } from "./events.ts";

type JobEvent = StreamEvent<JobEvents>;

/** Counts the files and events of a job, and creates its events. */
export class JobProgress {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #hashingSince: number;
  #total = 0;
  #files = 0;
  /** How many of them an earlier run has hashed. */
  #earlierFiles = 0;
  #errors = 0;
  #bytes = 0;
  #events: number;

  /** @param events how many events an earlier run of the job has sent */
  constructor(clock: Clock, events = 0) {
    this.#clock = clock;
    this.#events = events;
    this.#startedAt = this.#hashingSince = clock.now();
  }

  addFound(files: number): void {
    this.#total += files;
  }

  startHashing(): void {
    this.#earlierFiles = this.#files;
    this.#hashingSince = this.#clock.now();
  }

  fileEvent(files: readonly FileResult[]): JobEvent {
    this.addResults(files);
    return this.#counted({ event: "file", data: { files } });
  }

  addResults(files: readonly FileResult[]): void {
    for (const file of files) {
      if ("error" in file) {
        this.#errors++;
      } else {
        this.#files++;
        this.#bytes += file.size;
      }
    }
  }

  progressEvent(phase: "listing" | "hashing"): JobEvent {
    return this.#counted({ event: "progress", data: { phase, total: this.#total, ...this.#counts() } });
  }

  doneEvent(digest: string): JobEvent {
    const seconds = this.#secondsSince(this.#startedAt);
    return this.#counted({
      event: "done",
      data: { ...this.#counts(), events: this.#events + 1, seconds, digest },
    });
  }

  #counted(event: JobEvent): JobEvent {
    this.#events++;
    return event;
  }

  #counts(): Counts {
    const seconds = this.#secondsSince(this.#hashingSince);
    return {
      files: this.#files,
      errors: this.#errors,
      bytes: this.#bytes,
      filesPerSecond: seconds === 0 ? 0 : Math.round((this.#files - this.#earlierFiles) / seconds),
    };
  }

  #secondsSince(time: number): number {
    return Math.round(this.#clock.now() - time) / 1_000;
  }
}
