import { LatestLog } from "../log/latest-log.ts";
import { Log, type LogLimits } from "../log/log.ts";
import { describe, invalidEvent } from "../protocol/check-event.ts";
import { eventText } from "../protocol/encode.ts";
import type { SseEvent } from "../protocol/event.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { Stream, type StreamHooks, type StreamKind } from "./stream.ts";

/** How many keys a warning names. */
const NAMED_KEYS = 3;

/** Gives the key whose value an event is; `undefined` for one that is not held. */
export type LatestBy = (event: SseEvent) => string | undefined;

export interface LatestStreamOptions {
  readonly hooks: StreamHooks;
  readonly latestBy: LatestBy;
  readonly runtime: Runtime;
}

/** @param options.latestBy makes a channel hold the newest event of each of these keys */
export function createStream(
  id: string,
  kind: StreamKind,
  epoch: string,
  limits: LogLimits,
  {
    hooks,
    latestBy,
    runtime,
  }: Omit<LatestStreamOptions, "latestBy"> & { readonly latestBy: LatestBy | undefined },
): Stream {
  if (kind === "stream" || latestBy === undefined) return new Stream(id, kind, new Log(epoch, limits), hooks);
  return new LatestStream(id, epoch, limits, { hooks, latestBy, runtime });
}

/** The stream of a channel that holds the newest event of each key. */
export class LatestStream extends Stream {
  declare readonly log: LatestLog;
  readonly #options: LatestStreamOptions;
  /** Some of the keys for which there was no room since the readers were woken, and the number of all. */
  #dropped: readonly string[] = [];
  #droppedCount = 0;

  constructor(id: string, epoch: string, limits: LogLimits, options: LatestStreamOptions) {
    const { hooks, runtime } = options;
    const onDropped = (keys: readonly string[]): void => this.#onDropped(keys);
    super(
      id,
      "channel",
      new LatestLog(epoch, { ...limits, now: () => runtime.clock.now(), onDropped }),
      hooks,
    );
    this.#options = options;
  }

  override push(event: SseEvent): string {
    // Before anything is counted: this is the application's code, and may push as well.
    const key = this.#keyOf(event);
    return this.#change(() => this.log.append(event, key));
  }

  /**
   * Deletes a key; the event says so to the readers. Without an event they start over.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`
   */
  delete(key: string, event?: SseEvent): void {
    this.#change(() => this.log.delete(key, event));
  }

  override wakeReaders(now: number, reportPushed: (stream: Stream, events: number) => void): void {
    super.wakeReaders(now, reportPushed);
    const { bytes } = this.log;
    this.log.dropPassed();
    this.#options.hooks.resized(this, this.log.bytes - bytes);
    this.#reportDropped();
  }

  #change<Result>(change: () => Result): Result {
    const { hooks } = this.#options;
    const { bytes } = this.log;
    const result = change();
    hooks.resized(this, this.log.bytes - bytes);
    hooks.changed(this);
    return result;
  }

  #keyOf(event: SseEvent): string | undefined {
    let key: unknown;
    try {
      key = this.#options.latestBy(event);
    } catch (cause) {
      // What is no event is refused as such.
      eventText(event, "");
      throw invalidEvent("`latestBy` has thrown.", cause);
    }
    if (key === undefined || typeof key === "string") return key;
    // The rejection of an asynchronous function would be nobody's.
    Promise.resolve(key).catch(() => undefined);
    throw invalidEvent(`\`latestBy\` must return a string or undefined, got ${describe(key)}.`);
  }

  /** The observer is told when the readers are woken: here the log is in the middle of a change. */
  #onDropped(keys: readonly string[]): void {
    this.#dropped = [...this.#dropped, ...keys.slice(0, NAMED_KEYS)].slice(0, NAMED_KEYS);
    this.#droppedCount += keys.length;
    this.#options.hooks.changed(this);
  }

  #reportDropped(): void {
    if (this.#droppedCount === 0) return;
    const names = this.#dropped.map((key) => JSON.stringify(key.slice(0, 64))).join(", ");
    const more = this.#droppedCount > this.#dropped.length ? ", …" : "";
    const message = `There was no room for ${this.#droppedCount} keys of the channel, the stalest ones (${names}${more}): they are deleted.`;
    this.#dropped = [];
    this.#droppedCount = 0;
    this.#options.runtime.report("warned", { id: this.id, message });
  }
}
