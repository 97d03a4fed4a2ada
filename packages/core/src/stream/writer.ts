import { bridgeAbort } from "../base/abort-bridge.ts";
import {
  abortedError,
  backlogError,
  closedError,
  HoldfastError,
  isAbort,
  toHoldfastError,
} from "../base/errors.ts";
import { isPullable, pull, type Pullable } from "../base/pull.ts";
import { check } from "../base/validate.ts";
import { ACCEPT, type Accept, type StreamSource } from "../connection/source.ts";
import type { StreamEvent } from "../protocol/event.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type { Stream } from "./stream.ts";

/** What `pipe` takes: events, and errors that readers are told of while the stream continues. */
export type PipeSource<Events extends object> = Pullable<StreamEvent<Events> | HoldfastError>;

/** The producer's side of a stream. It is also a source: an adapter can serve it. */
export interface StreamWriter<Events extends object> extends StreamSource {
  /** Names this life of the id: the first half of every event's id. */
  readonly epoch: string;
  /** How many connections read it now. */
  readonly readers: number;
  /**
   * Aborts when somebody else ends the stream: it was cancelled (the signal's reason is the one given), it expired, or
   * its registry closed. It never aborts because of the writer's own end, and only after the stream has ended.
   */
  readonly signal: AbortSignal;
  /**
   * Appends an event and returns its id. Synchronous; readers run later, never inside the call.
   *
   * @throws `INVALID_EVENT`, `EVENT_TOO_LARGE`, `STREAM_ENDED`, `REGISTRY_CLOSED`, and with a store `LIMIT_EXCEEDED`;
   * nothing is appended then
   */
  push(event: StreamEvent<Events>): string;
  /** Ends the stream as `done`, behind a last event if one is given. Idempotent. Rejects with what `push` throws. */
  end(lastEvent?: StreamEvent<Events>): Promise<void>;
  /** Ends the stream as `failed`; clients are told what is public of the error. Idempotent. */
  fail(error: unknown): Promise<void>;
  /**
   * Pushes everything that the source gives, then ends the stream; a source that throws fails the stream. Never rejects.
   * When somebody else ends the stream, the source's signal aborts and the source is released at once, even if it never
   * answers; its own clean-up is not waited for.
   */
  pipe(source: PipeSource<Events> | PipeFunction<Events>): Promise<void>;
  /** Fails the stream if it was not ended. */
  [Symbol.dispose](): void;
}

export type PipeFunction<Events extends object> = (context: {
  readonly signal: AbortSignal;
}) => PipeSource<Events> | PromiseLike<PipeSource<Events>>;

/** What a writer takes from its registry. */
export interface WriterContext {
  readonly runtime: Runtime;
  readonly lifecycle: { readonly isClosing: boolean };
}

/** What of a stream is still on its way to a store. */
export interface Backlog {
  /** Whether there is no room for one more event. */
  readonly full: boolean;
  /** Resolves when there is room, or when none is needed any more. */
  room(): Promise<void>;
  /** Resolves when the store has everything, or will never get it. */
  readonly settled: Promise<void>;
}

/** After this many events a source that never waits is made to wait, so that readers and timers can run. */
const BURST = 256;

export function createWriter<Events extends object>(
  stream: Stream,
  { runtime, lifecycle }: WriterContext,
  accept: Accept,
  backlog?: Backlog,
): StreamWriter<Events> {
  const push = (event: StreamEvent<Events>): string => {
    if (lifecycle.isClosing) throw closedError();
    if (backlog?.full === true && stream.end === undefined) throw backlogError(stream.id);
    return stream.push(event);
  };
  const fail = (error: unknown): void => stream.finish("failed", toHoldfastError(error));
  const reportSourceError = (error: unknown): void =>
    runtime.report("failed", { id: stream.id, stage: "source", error });
  const nextTurn = (): Promise<void> => new Promise((resolve) => runtime.clock.soon(resolve));

  async function pushAll(source: PipeSource<Events>): Promise<void> {
    const run = pull(source, reportSourceError);
    const removeBridge = bridgeAbort(stream.signal, { abort: (reason) => run.release(reason) });
    try {
      if (stream.end !== undefined) return;
      for (let count = 1, item = await run.next(); item !== undefined; item = await run.next(), count++) {
        if (backlog?.full === true) {
          await backlog.room();
          if (stream.end !== undefined) return;
        }
        if (HoldfastError.is(item.value)) {
          stream.setNotice(item.value);
          reportSourceError(item.value.cause ?? item.value);
        } else push(item.value);
        if (count % BURST === 0) await nextTurn();
      }
    } finally {
      removeBridge();
      run.release(abortedError());
    }
  }

  return {
    [ACCEPT]: accept,
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
        if (stream.end === undefined && !lifecycle.isClosing) fail(error);
        else if (!isAbort(error, stream.signal.reason)) reportSourceError(error);
      }
      if (backlog !== undefined) await backlog.settled;
    },
    [Symbol.dispose]() {
      fail(new HoldfastError("SOURCE_FAILED", "The stream was left without an end."));
    },
  };
}
