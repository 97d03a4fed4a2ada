import { bridgeAbort } from "../base/abort-bridge.ts";
import { check } from "../base/validate.ts";
import {
  abortedError,
  backlogError,
  closedError,
  HoldfastError,
  isAbort,
  toHoldfastError,
} from "../base/errors.ts";
import type { StreamEvent } from "../protocol/event.ts";
import { isPullable, pull, type Pullable } from "../base/pull.ts";
import { ACCEPT, type Accept, type StreamSource } from "../connection/source.ts";
import type { Stream } from "./stream.ts";

/** What `pipe` takes: events, and errors that the readers should hear of while the stream goes on. */
export type PipeSource<Events extends object> = Pullable<StreamEvent<Events> | HoldfastError>;

/** The producer's side of a stream. Also a source: a response may be made of it. */
export interface StreamWriter<Events extends object> extends StreamSource {
  /** This life of the id: the first half of every event's id. */
  readonly epoch: string;
  /** How many read it now. */
  readonly readers: number;
  /**
   * Aborts when somebody else ends the stream: cancelled (with the reason given), expired, its registry closed. It
   * never aborts by the writer's own end, and only after the stream has ended.
   */
  readonly signal: AbortSignal;
  /**
   * Appends an event and returns its id. Synchronous; readers run later, never inside it.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`, `STREAM_ENDED`, `REGISTRY_CLOSED`; nothing is appended then
   */
  push(event: StreamEvent<Events>): string;
  /** Ends the stream as `done`, behind a last event if one is given. Idempotent. Rejects as `push` throws. */
  end(lastEvent?: StreamEvent<Events>): Promise<void>;
  /** Ends the stream as `failed`; clients are told what of the error is public. Idempotent. */
  fail(error: unknown): Promise<void>;
  /**
   * Pushes whatever the source gives, then ends the stream; a source that throws fails it. Never rejects. When
   * somebody else ends the stream, the source's signal aborts and it is let go at once, however quiet it is: nobody
   * waits for what it still has to tidy up.
   */
  pipe(source: PipeSource<Events> | PipeFunction<Events>): Promise<void>;
  /** Fails a stream that was not ended. */
  [Symbol.dispose](): void;
}

export type PipeFunction<Events extends object> = (context: {
  readonly signal: AbortSignal;
}) => PipeSource<Events> | PromiseLike<PipeSource<Events>>;

/** What a writer takes from its registry. */
export interface WriterContext {
  readonly closing: boolean;
  /** Resolves in the next macrotask. */
  turn(): Promise<void>;
  /** Told of a source's error that does not fail its stream. */
  sourceFailed(stream: Stream, error: unknown): void;
}

/** What of a stream is still on its way to a store. */
export interface Backlog {
  /** Whether there is no room for one event more. */
  readonly full: boolean;
  /** Resolves when there is room, or no need of it. */
  room(): Promise<void>;
  /** Resolves when the store has everything, or will not get it. */
  readonly settled: Promise<void>;
}

/** A source that never waits is made to, after so many events, so that readers and timers have their turn. */
const BURST = 256;

export function createWriter<Events extends object>(
  stream: Stream,
  keeper: WriterContext,
  attach: Accept,
  backlog?: Backlog,
): StreamWriter<Events> {
  const push = (event: StreamEvent<Events>): string => {
    if (keeper.closing) throw closedError();
    if (backlog?.full === true && stream.end === undefined) throw backlogError(stream.id);
    return stream.push(event);
  };
  const fail = (error: unknown): void => stream.finish("failed", toHoldfastError(error));

  const tell = (error: HoldfastError): void => {
    stream.tell(error);
    keeper.sourceFailed(stream, error.cause ?? error);
  };

  async function pushAll(source: PipeSource<Events>): Promise<void> {
    const run = pull(source, (error) => keeper.sourceFailed(stream, error));
    const detach = bridgeAbort(stream.signal, { abort: (reason) => run.release(reason) });
    try {
      if (stream.end !== undefined) return;
      for (let count = 1, item = await run.next(); item !== undefined; item = await run.next(), count++) {
        if (backlog?.full === true) {
          await backlog.room();
          if (stream.end !== undefined) return;
        }
        if (HoldfastError.is(item.value)) tell(item.value);
        else push(item.value);
        if (count % BURST === 0) await keeper.turn();
      }
    } finally {
      detach();
      run.release(abortedError());
    }
  }

  return {
    [ACCEPT]: attach,
    id: stream.id,
    epoch: stream.log.epoch,
    get readers() {
      return stream.readers.size;
    },
    get signal() {
      return stream.signal;
    },
    push,
    async end(lastEvent) {
      if (stream.end === undefined) {
        if (lastEvent !== undefined) push(lastEvent);
        stream.finish("done");
      }
      if (backlog !== undefined) await backlog.settled;
    },
    async fail(error) {
      fail(error);
      if (backlog !== undefined) await backlog.settled;
    },
    async pipe(source) {
      try {
        const given = typeof source === "function" ? await source({ signal: stream.signal }) : source;
        check(isPullable(given), "source", "an async iterable or a ReadableStream, or give one", given);
        await pushAll(given);
        stream.finish("done");
      } catch (error) {
        if (stream.end === undefined && !keeper.closing) fail(error);
        else if (!isAbort(error, stream.signal.reason)) keeper.sourceFailed(stream, error);
      }
      if (backlog !== undefined) await backlog.settled;
    },
    [Symbol.dispose]() {
      fail(new HoldfastError("SOURCE_FAILED", "The stream was left without an end."));
    },
  };
}
