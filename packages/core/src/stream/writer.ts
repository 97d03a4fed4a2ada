import {
  abortedError,
  backlogError,
  endedError,
  errorToReport,
  HoldfastError,
  toHoldfastError,
} from "../base/errors.ts";
import { isPullable, pull, type Pullable } from "../base/pull.ts";
import { checkOptions, type OptionNames } from "../base/check-options.ts";
import { check, checkAwaited, checkDelay } from "../base/validate.ts";
import { ACCEPT, type Accept, type StreamSource } from "../connection/source.ts";
import type { CheckData } from "../contract/contract.ts";
import type { NamedEvent, Pushable } from "../contract/pushable.ts";
import type { SseEvent, StreamEvent } from "../protocol/event.ts";
import type { EndStatus } from "../protocol/reasons.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { NameCheck } from "./name-check.ts";
import type { ProducerSession } from "./producer-session.ts";
import type { Stream } from "./stream.ts";
import type { OpenedStream } from "./stream-host.ts";

/** What `pipe` takes: events, and errors that readers are told of while the stream continues. */
export type PipeSource<Events extends object> = Pullable<StreamEvent<Events> | HoldfastError>;

/** How a stream stands when its producer has finished: its end, or `interrupted`. */
export type StreamStatus = EndStatus | "interrupted";

/** Options of `fail` of a writer. */
export interface FailOptions {
  /**
   * For how long the stream waits for another producer before it has failed, in ms, whatever its `retryWindow`.
   * @default `retryWindow`, or 0 for a {@link HoldfastError} that is not retryable
   */
  readonly retryWithin?: number;
}

/** The producer's side of a stream. It is also a source: an adapter can serve it. */
export interface StreamWriter<Events extends object> extends StreamSource {
  /** Names this producer's part of the stream: the first half of its events' ids. */
  readonly epoch: string;
  /** The number of the last event held; 0 before the first. After `flush` everything up to it is stored. */
  readonly last: number;
  /** How many connections read it now. */
  readonly readers: number;
  /**
   * Aborts when somebody else wants the producer to stop: the stream was cancelled (the signal's reason is the one given),
   * it expired, another producer has taken it over (`TAKEN_OVER`), or its registry closed. It never aborts because of the
   * writer's own end.
   */
  readonly signal: AbortSignal;
  /**
   * Appends an event and returns its id. Synchronous; readers run later, never inside the call. A stream that somebody
   * else has ended or taken over ignores the event and returns `undefined`. Without room for it, while a store is away,
   * the stream fails with `LIMIT_EXCEEDED`, and the call returns `undefined`.
   *
   * @throws `INVALID_EVENT`, also for data that a schema of the registry's `events` rejects; `EVENT_TOO_LARGE`; `STREAM_ENDED`
   * after the writer's own `end` or `fail`; nothing is appended
   */
  push<Name extends keyof Events & string>(event: NamedEvent<Events, Name>): string | undefined;
  push(event: StreamEvent<Events>): string | undefined;
  /**
   * Resolves when everything pushed so far is stored, without a store at once. A job that can be run again checkpoints
   * behind it, and goes on from `last`.
   *
   * @throws (as a rejection) `STORE_UNAVAILABLE` when the store will never get it
   */
  flush(): Promise<void>;
  /** Ends the stream as `done`, behind a last event if one is given. Idempotent. Rejects with what `push` throws. */
  end(lastEvent?: StreamEvent<Events>): Promise<void>;
  /**
   * Ends the stream as `failed`; clients are told what is public of the error. With a `retryWindow`, and unless the error
   * is a {@link HoldfastError} that is not retryable, the stream is interrupted instead: it waits for another `open`.
   * Idempotent.
   *
   * @throws (as a rejection) `INVALID_OPTION`
   */
  fail(error: unknown, options?: FailOptions): Promise<void>;
  /**
   * Pushes everything that the source gives, then ends the stream; a source that throws fails the stream, as `fail` does.
   * Never rejects: resolves with how the stream stands, so that the job of a queue can throw to be run again (`lost`, if
   * another producer has taken the stream over). When somebody else ends the stream, the source's signal aborts and the
   * source is released at once, even if it never answers; its own clean-up is not waited for.
   */
  pipe(source: PipeSource<Events> | PipeFunction<Events>): Promise<StreamStatus>;
  pipe<Item>(source: Piped<Pullable<Item>> & Piped<Pullable<Pushable<Item, Events>>>): Promise<StreamStatus>;
  /** Fails the stream if it was not ended, as `fail` does. */
  [Symbol.dispose](): void;
}

/** A source, or a function that gives it. */
export type Piped<Source> =
  | Source
  | ((context: { readonly signal: AbortSignal }) => Source | PromiseLike<Source>);

/**
 * What `pipe` calls to get its source. `signal` aborts when somebody else wants the producer to stop: pass it on to
 * whatever the source waits for.
 */
export type PipeFunction<Events extends object> = (context: {
  readonly signal: AbortSignal;
}) => PipeSource<Events> | PromiseLike<PipeSource<Events>>;

const FAIL_NAMES: OptionNames<FailOptions> = { retryWithin: true };

/** What of a stream is still on its way to a store. */
export interface Backlog {
  /** Whether there is no room for one more event. */
  readonly full: boolean;
  /** Resolves when there is room, or when none is needed any more. */
  room(): Promise<void>;
  /** Resolves when the store has everything that is in the log now; rejects with `STORE_UNAVAILABLE`. */
  flushed(): Promise<void>;
  /** Resolves when the store has everything, or will never get it. */
  readonly settled: Promise<void>;
}

/** After this many events a source that never waits is made to wait, so that readers and timers can run. */
const BURST = 256;

export interface WriterOptions {
  readonly runtime: Runtime;
  readonly accept: Accept;
  readonly checkData: CheckData | undefined;
}

export function createWriter<Events extends object>(
  opened: OpenedStream,
  options: WriterOptions,
): StreamWriter<Events> {
  return new Writer<Events>(opened, options);
}

/** A class, because there may be one for each of many streams, and an object literal with accessors takes twice the memory. */
class Writer<Events extends object> implements StreamWriter<Events> {
  readonly [ACCEPT]: Accept;
  readonly id: string;
  readonly #stream: Stream;
  readonly #session: ProducerSession;
  readonly #backlog: Backlog | undefined;
  readonly #runtime: Runtime;
  readonly #names: NameCheck;
  readonly #checkData: CheckData | undefined;
  #hasWarned = false;

  constructor({ stream, session, backlog }: OpenedStream, { runtime, accept, checkData }: WriterOptions) {
    this[ACCEPT] = accept;
    this.id = stream.id;
    this.#stream = stream;
    this.#session = session;
    this.#backlog = backlog;
    this.#runtime = runtime;
    this.#names = new NameCheck(runtime.report);
    this.#checkData = checkData;
  }

  get epoch(): string {
    return this.#session.epoch;
  }

  get last(): number {
    return this.#stream.log.last;
  }

  get readers(): number {
    return this.#stream.readers.size;
  }

  get signal(): AbortSignal {
    return this.#session.signal;
  }

  // These three can be given to an emitter as they are: `upstream.on("data", writer.push)`.
  readonly push: StreamWriter<Events>["push"] = (event: SseEvent) => this.#push(event);
  readonly end = async (lastEvent?: StreamEvent<Events>): Promise<void> => {
    if (this.#session.isActive && this.#stream.end === undefined) {
      if (lastEvent !== undefined) this.#push(lastEvent);
      this.#finish();
    }
    await this.#backlog?.settled;
  };
  readonly fail = async (error: unknown, options: FailOptions = {}): Promise<void> => {
    checkOptions(undefined, options, FAIL_NAMES);
    const { retryWithin } = options;
    if (retryWithin !== undefined) checkDelay("retryWithin", retryWithin);
    this.#fail(error, retryWithin);
    await this.#backlog?.settled;
  };

  async flush(): Promise<void> {
    await this.#backlog?.flushed();
  }

  async pipe(source: PipeSource<Events> | PipeFunction<Events>): Promise<StreamStatus> {
    const session = this.#session;
    try {
      const given = typeof source === "function" ? await source({ signal: session.signal }) : source;
      if (!isPullable(given)) checkAwaited("source", given);
      check(isPullable(given), "source", "an async iterable or a ReadableStream, or give one", given);
      await this.#pushAll(given);
      this.#finish();
    } catch (error) {
      // A producer that was asked to stop has done so, under whatever error name.
      if (session.signal.aborted) this.#finish();
      else if (session.isActive) this.#fail(error);
      else this.#reportSourceError(error);
    }
    await this.#backlog?.settled;
    return this.#status();
  }

  [Symbol.dispose](): void {
    this.#fail(
      new HoldfastError("SOURCE_FAILED", "The stream was left without an end.", { retryable: true }),
    );
  }

  #push(event: SseEvent): string | undefined {
    const stream = this.#stream;
    const session = this.#session;
    if (session.hasEnded) throw endedError(this.id);
    if (!session.isActive || stream.end !== undefined) return this.#ignore();
    if (this.#backlog?.full === true) {
      // Never a hole: the stream fails behind its last event that can be stored.
      const error = backlogError(this.id);
      stream.finish("failed", error);
      session.revoke(error);
      return undefined;
    }
    this.#checkData?.(event);
    const eventId = stream.push(event);
    this.#names.check(this.id, event.event);
    return eventId;
  }

  /** A push that comes late is nobody's mistake: a timer or a notification may fire during a shutdown. */
  #ignore(): undefined {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = "An event was pushed after the stream was taken away. It is ignored.";
    this.#runtime.report("warned", { id: this.id, message });
  }

  #finish(): void {
    if (!this.#session.isActive) return;
    this.#session.end();
    this.#stream.finish("done");
  }

  #fail(error: unknown, retryWithin?: number): void {
    const session = this.#session;
    if (!session.isActive) return;
    const isFinal = HoldfastError.is(error) && !error.retryable;
    const window = retryWithin ?? (isFinal ? 0 : session.retryWindow);
    session.end();
    if (window === 0) return this.#stream.finish("failed", toHoldfastError(error));
    this.#reportSourceError(error);
    this.#stream.interrupt({ error: toHoldfastError(error), window });
  }

  #status(): StreamStatus {
    const { revokeReason } = this.#session;
    // How the next producer leaves the stream is not this one's doing.
    if (HoldfastError.is(revokeReason) && revokeReason.code === "TAKEN_OVER") return "lost";
    const { end, interruption } = this.#stream;
    if (end !== undefined) return end.status;
    return interruption === undefined ? "lost" : "interrupted";
  }

  async #pushAll(source: PipeSource<Events>): Promise<void> {
    const session = this.#session;
    const backlog = this.#backlog;
    const run = pull(source, (error, isCleanup) => {
      // A source that was interrupted says so by any error: libraries have their own names for an abort.
      if (isCleanup || !session.signal.aborted) this.#reportSourceError(error);
    });
    const removeListener = session.onRevoked((reason) => run.release(reason));
    try {
      if (!session.isActive) return;
      for (let count = 1, item = await run.next(); item !== undefined; item = await run.next(), count++) {
        if (backlog?.full === true) await backlog.room();
        if (!session.isActive) return;
        if (HoldfastError.is(item.value)) {
          this.#stream.setNotice(item.value);
          this.#reportSourceError(errorToReport(item.value));
        } else this.#push(item.value);
        if (count % BURST === 0) await new Promise<void>((resolve) => this.#runtime.clock.soon(resolve));
      }
    } finally {
      removeListener();
      run.release(abortedError());
    }
  }

  #reportSourceError(error: unknown): void {
    this.#runtime.report("failed", { id: this.id, stage: "source", error });
  }
}
