import { abortedError, closedError, HoldfastError, toHoldfastError } from "../base/errors.ts";
import type { DecoderMap } from "../contract/decoder.ts";
import type { OpenSink, SinkEvents } from "../connection/sink.ts";
import type { Reset } from "../protocol/cursor.ts";
import { decodeFrames } from "../protocol/decode.ts";
import type { ServeResult, StreamEnd } from "../protocol/outcome.ts";

/** A user event as it went over the wire. */
export interface Message {
  /**
   * The cursor to resume from behind this event. Of the events of a running snapshot only the last has an id of its own;
   * the others have that of the event before them.
   */
  readonly id: string;
  /** The name of the event; `message` if it was pushed without one. */
  readonly event: string;
  /** The data as text: what was pushed as anything but a string is JSON. */
  readonly data: string;
}

/** Options of `registry.subscribe`. */
export interface SubscribeOptions {
  /** The id of the last event that is already known. */
  readonly cursor?: string;
  /** Ends the subscription: a pending `next()` and every later one rejects with `ABORTED`. */
  readonly signal?: AbortSignal;
  /**
   * Called when events are missing for good, before the next event is delivered. Without it, a reset ends the subscription
   * with `RESET`; but a subscription without a cursor may begin with the oldest event held, although others were before it.
   */
  readonly onReset?: (reset: Reset) => void;
  /** Decodes the data of the events with these names, as `events` of `connect` does. Others keep their text. */
  readonly events?: DecoderMap;
}

/** Starts to serve a client that is in this process. */
export type StartServing = (signal: AbortSignal, open: OpenSink) => Promise<ServeResult>;

/**
 * A client in this process: a sink on one side, an async iterator on the other. It holds its connection while messages
 * wait to be taken, so a slow consumer costs one page of memory. Serving starts with the first `next()`.
 */
export class Subscription implements AsyncIterableIterator<Message> {
  readonly #startServing: StartServing;
  readonly #options: SubscribeOptions;
  /** Aborts when the consumer leaves. */
  readonly #client = new AbortController();
  readonly #pending: {
    readonly resolve: (result: IteratorResult<Message>) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  #messages: Message[] = [];
  #lastId: string;
  /** Whether the consumer has events that a reset is about: from before the cursor, or from here. */
  #hasEvents: boolean;
  #taken = 0;
  #events: SinkEvents | undefined;
  #isStarted = false;
  #isOver = false;
  #error: unknown;

  constructor(startServing: StartServing, options: SubscribeOptions) {
    this.#startServing = startServing;
    this.#options = options;
    this.#lastId = options.cursor ?? "";
    this.#hasEvents = this.#lastId !== "";
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    if (!this.#isStarted) this.#start();
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      this.#settlePending();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#isStarted = true;
    this.#stop(undefined);
    return Promise.resolve({ done: true, value: undefined });
  }

  #start(): void {
    this.#isStarted = true;
    const { signal } = this.#options;
    const onAbort = (): void => this.#stop(abortedError(signal?.reason));
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    const finish = (error: unknown): void => {
      signal?.removeEventListener("abort", onAbort);
      if (this.#isOver) return;
      this.#isOver = true;
      this.#error = error;
      this.#settlePending();
    };
    const open: OpenSink = (_status, _headers, events) => this.#openSink(events);
    this.#startServing(this.#client.signal, open).then((result) => finish(errorOf(result)), finish);
  }

  #openSink(events: SinkEvents): ReturnType<OpenSink> {
    this.#events = events;
    return {
      write: (bytes) => {
        this.#receive(bytes);
        this.#settlePending();
        return this.#taken === this.#messages.length;
      },
      // Frames are decoded, so they come whole.
      pageBytes: Infinity,
      close: () => events.closed(),
      cut: () => events.closed(),
      destroy: () => events.closed(),
    };
  }

  #receive(bytes: Uint8Array): void {
    for (const { id = this.#lastId, event, data } of decodeFrames(bytes)) {
      this.#lastId = id;
      if (this.#isOver) return;
      if (data === undefined) continue;
      if (event === "stream.reset") this.#callOnReset(JSON.parse(data) as Reset);
      else if (!event.startsWith("stream.")) {
        this.#hasEvents = true;
        this.#messages.push({ id, event, data });
      }
    }
  }

  #callOnReset(reset: Reset): void {
    const { onReset } = this.#options;
    if (onReset === undefined && this.#hasEvents) return this.#stop(resetError(reset));
    try {
      onReset?.(reset);
    } catch (error) {
      this.#stop(error);
    }
  }

  #settlePending(): void {
    while (this.#pending.length > 0 && this.#taken < this.#messages.length) {
      const value = this.#messages[this.#taken++] as Message;
      this.#pending.shift()?.resolve({ done: false, value });
    }
    if (this.#taken < this.#messages.length) return;
    this.#messages = [];
    this.#taken = 0;
    if (this.#isOver) this.#settleRest();
    else if (this.#pending.length > 0) this.#events?.drained();
  }

  #settleRest(): void {
    for (const { resolve, reject } of this.#pending.splice(0)) {
      if (this.#error === undefined) resolve({ done: true, value: undefined });
      else reject(this.#error);
    }
  }

  #stop(error: unknown): void {
    this.#isOver = true;
    this.#error = error;
    this.#messages = [];
    this.#taken = 0;
    this.#client.abort(error);
    this.#settleRest();
  }
}

/** What the iterator throws at the end; `undefined` for an end without an error. */
function errorOf({ status, reason, end }: ServeResult): HoldfastError | undefined {
  if (end !== undefined) return endError(end);
  if (status === 404 || reason === "waiting") return new HoldfastError("GONE", "There is no such stream.");
  if (reason === undefined || reason === "disconnected") return undefined;
  if (reason === "shutdown") return closedError();
  if (reason === "busy")
    return new HoldfastError("LIMIT_EXCEEDED", "Too many wait already.", { retryable: true });
  return new HoldfastError("SOURCE_FAILED", `The delivery broke off: ${reason}.`, { retryable: true });
}

function endError({ status, error }: StreamEnd): HoldfastError | undefined {
  switch (status) {
    case "done":
      return undefined;
    case "failed":
      // A failed snapshot has no error: its events say what happened.
      return error ?? toHoldfastError(undefined);
    case "cancelled":
      return new HoldfastError("CANCELLED", "The stream was cancelled.");
    case "expired":
      return new HoldfastError("EXPIRED", "The stream has expired.");
    case "lost":
      return error ?? new HoldfastError("LOST", "The producer of the stream is lost.");
  }
}

function resetError({ reason, lost }: Reset): HoldfastError {
  const range = lost === null ? "everything" : `the events ${lost[0]} to ${lost[1]}`;
  return new HoldfastError(
    "RESET",
    `The subscription cannot continue (${reason}): ${range} must be read anew.`,
  );
}
