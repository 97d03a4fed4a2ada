import type { Clock, StreamEvent } from "@holdfast/hono";
import type { Count, FileResult, JobEvents } from "./events.ts";

type JobEvent = StreamEvent<JobEvents>;

/** Counts what a job has done and told, and words its events. */
export class Tally {
  readonly #clock: Clock;
  readonly #beganAt: number;
  #hashingSince: number;
  #total = 0;
  #files = 0;
  #errors = 0;
  #bytes = 0;
  #events = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganAt = this.#hashingSince = clock.now();
  }

  found(files: number): void {
    this.#total += files;
  }

  startHashing(): void {
    this.#hashingSince = this.#clock.now();
  }

  file(files: readonly FileResult[]): JobEvent {
    for (const file of files) {
      if ("error" in file) {
        this.#errors++;
      } else {
        this.#files++;
        this.#bytes += file.size;
      }
    }
    return this.#told({ event: "file", data: { files } });
  }

  progress(phase: "listing" | "hashing"): JobEvent {
    return this.#told({ event: "progress", data: { phase, total: this.#total, ...this.#count() } });
  }

  done(digest: string): JobEvent {
    const seconds = this.#secondsSince(this.#beganAt);
    return this.#told({
      event: "done",
      data: { ...this.#count(), events: this.#events + 1, seconds, digest },
    });
  }

  #told(event: JobEvent): JobEvent {
    this.#events++;
    return event;
  }

  #count(): Count {
    const seconds = this.#secondsSince(this.#hashingSince);
    return {
      files: this.#files,
      errors: this.#errors,
      bytes: this.#bytes,
      filesPerSecond: seconds === 0 ? 0 : Math.round(this.#files / seconds),
    };
  }

  #secondsSince(time: number): number {
    return Math.round(this.#clock.now() - time) / 1_000;
  }
}
