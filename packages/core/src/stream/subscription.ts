import { decodeFrames } from "../protocol/decode.ts";
import { abortedError, closedError, HoldfastError, toHoldfastError } from "../base/errors.ts";
import type { ServeResult } from "../protocol/outcome.ts";
import type { Reset } from "../protocol/cursor.ts";
import type { OpenSink, SinkEvents } from "../connection/sink.ts";

/** A user event as it went over the wire. */
export interface Message {
  /** What to come back with as the cursor. The events of a running snapshot, but the last, keep the one before them. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface SubscribeOptions {
  /** The id of the last event that is already known. */
  readonly cursor?: string;
  /** Ends the subscription: a pending and every later `next()` rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /** Told of events that are missing for good, before the next one comes. */
  readonly onReset?: (reset: Reset) => void;
}

/** Begins to be served like a client over the network. */
export type StartServing = (signal: AbortSignal, open: OpenSink) => Promise<ServeResult>;

/**
 * The in-process end of a connection: a sink on the one side, an iterable on the other. It holds while messages wait
 * to be taken, so a slow consumer costs one page of memory. The serving begins with the first `next()`.
 */
export class Subscription implements AsyncIterableIterator<Message> {
  readonly #begin: StartServing;
  readonly #options: SubscribeOptions;
  readonly #peer = new AbortController();
  readonly #taking: {
    readonly resolve: (result: IteratorResult<Message>) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #messages: Message[] = [];
  #lastId: string;
  #taken = 0;
  #events: SinkEvents | undefined;
  #begun = false;
  #over = false;
  #error: unknown;

  constructor(begin: StartServing, options: SubscribeOptions) {
    this.#begin = begin;
    this.#options = options;
    this.#lastId = options.cursor ?? "";
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    if (!this.#begun) this.#start();
    return new Promise((resolve, reject) => {
      this.#taking.push({ resolve, reject });
      this.#give();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#begun = true;
    this.#stop(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  #start(): void {
    this.#begun = true;
    const { signal } = this.#options;
    const onAbort = (): void => this.#stop(abortedError(signal?.reason));
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const finish = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      if (this.#over) return;
      this.#over = true;
      this.#error = error;
      this.#give();
    };
    const open: OpenSink = (_status, _headers, events) => this.#open(events);
    this.#begin(this.#peer.signal, open).then((outcome) => finish(errorOf(outcome)), finish);
  }

  #open(events: SinkEvents): ReturnType<OpenSink> {
    this.#events = events;
    return {
      write: (bytes) => {
        this.#take(bytes);
        this.#give();
        return this.#taken === this.#messages.length;
      },
      close: () => events.closed(),
      destroy: () => events.closed(),
    };
  }

  #take(bytes: Uint8Array): void {
    for (const { id = this.#lastId, event, data } of decodeFrames(bytes)) {
      this.#lastId = id;
      if (event === "stream.reset") this.#tellReset(JSON.parse(data) as Reset);
      else if (!event.startsWith("stream.")) this.#messages.push({ id, event, data });
    }
  }

  #tellReset(reset: Reset): void {
    try {
      this.#options.onReset?.(reset);
    } catch (error) {
      this.#stop(error);
    }
  }

  #give(): void {
    while (this.#taking.length > 0 && this.#taken < this.#messages.length) {
      const value = this.#messages[this.#taken++] as Message;
      this.#taking.shift()?.resolve({ done: false, value });
    }
    if (this.#taken < this.#messages.length) return;
    this.#messages = [];
    this.#taken = 0;
    if (this.#over) this.#finish();
    else if (this.#taking.length > 0) this.#events?.drained();
  }

  #finish(): void {
    for (const { resolve, reject } of this.#taking.splice(0)) {
      if (this.#error === undefined) resolve({ done: true, value: undefined });
      else reject(this.#error);
    }
  }

  #stop(error: unknown): void {
    this.#over = true;
    this.#error = error;
    this.#messages = [];
    this.#taken = 0;
    this.#peer.abort(error);
    this.#finish();
  }
}

function errorOf({ status, reason, end }: ServeResult): HoldfastError | undefined {
  if (end !== undefined) {
    // A failed snapshot tells what happened in its events.
    return end.error ?? (end.status === "failed" ? toHoldfastError(undefined) : undefined);
  }
  if (status === 404) return new HoldfastError("GONE", "There is no such stream.");
  if (reason === undefined || reason === "disconnected") return undefined;
  if (reason === "shutdown") return closedError();
  if (reason === "busy")
    return new HoldfastError("LIMIT_EXCEEDED", "Too many wait already.", { retryable: true });
  return new HoldfastError("SOURCE_FAILED", `The delivery broke off: ${reason}.`, { retryable: true });
}
