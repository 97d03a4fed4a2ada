// Tested by test/registry/sources-on-demand.test.ts.

import { backoff } from "../base/backoff.ts";
import { HoldfastError } from "../base/errors.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { IfExists, OpenedStream } from "../stream/stream-host.ts";
import type { StreamTable } from "../stream/stream-table.ts";
import type { StreamWriter } from "../stream/writer.ts";
import type { RegistryOptions } from "./types.ts";

/** After which time a source that has failed is started again, in ms: 1 to 30 s. */
function restartDelay(failures: number, random: number): number {
  return 1_000 + RESTART_BACKOFF(failures, random);
}
const RESTART_BACKOFF = backoff({ base: 1_000, cap: 29_000 });

export interface SourceRunnerOptions<Events extends object> {
  readonly runtime: Runtime;
  readonly table: StreamTable;
  readonly source: NonNullable<RegistryOptions<Events>["source"]>;
  /** Opens a stream that runs only while it has readers, and waits for another producer as long. */
  readonly open: (id: string, ifExists: IfExists) => OpenedStream | Promise<OpenedStream>;
  readonly toWriter: (opened: OpenedStream) => StreamWriter<Events>;
}

/** Starts the sources on demand of a registry. One that fails is started again, with back-off, while it has readers. */
export class SourceRunner<Events extends object> {
  readonly #options: SourceRunnerOptions<Events>;
  /** By id: cancels the timer after which a source is started again. */
  readonly #restarts = new Map<string, () => void>();
  #isStopped = false;

  constructor(options: SourceRunnerOptions<Events>) {
    this.#options = options;
  }

  /** Whether the source has failed, and is started again soon. */
  isRestarting(id: string): boolean {
    return this.#restarts.has(id);
  }

  /** @throws `LIMIT_EXCEEDED` */
  start(id: string, failures = 0): void {
    if (this.#isStopped) return;
    const { runtime, table, open } = this.#options;
    this.cancelRestart(id);
    // A run that gave nothing leaves nothing to start over from.
    const ifExists = table.getLive(id)?.log.last === 0 ? "append" : "throw";
    const opened = open(id, ifExists);
    if (!(opened instanceof Promise)) return void this.#run(id, opened, failures);
    opened.then(
      (stream) => this.#run(id, stream, failures),
      (error: unknown) => {
        // In every other case the stream runs elsewhere, or is looked up again when the store is back.
        const isFull = HoldfastError.is(error) && error.code === "LIMIT_EXCEEDED";
        if (isFull) runtime.report("failed", { id, stage: "source", error });
      },
    );
  }

  /** An application has opened the stream, which is not the source's any more. */
  cancelRestart(id: string): void {
    this.#restarts.get(id)?.();
    this.#restarts.delete(id);
  }

  /** From now on no source is started. */
  stop(): void {
    this.#isStopped = true;
    for (const id of this.#restarts.keys()) this.cancelRestart(id);
  }

  async #run(id: string, opened: OpenedStream, failures: number): Promise<void> {
    const { runtime, table, source, toWriter } = this.#options;
    const writer = toWriter(opened);
    const status = await writer.pipe(({ signal }) => source(id, { signal }));
    if (status !== "interrupted" || this.#isStopped) return;
    const attempt = writer.last > 0 ? 0 : failures;
    const restart = (): void => {
      this.#restarts.delete(id);
      if (table.getLive(id)?.interruption !== undefined) this.start(id, attempt + 1);
    };
    this.#restarts.set(id, runtime.clock.after(restartDelay(attempt, runtime.random()), restart));
  }
}
