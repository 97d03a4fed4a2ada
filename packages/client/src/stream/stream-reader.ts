import type { EndStatus, PublicError } from "@holdfast/core";
import { parseId } from "@holdfast/core/internal";
import type { Attempt, AttemptOutcome } from "../retry/attempt.ts";
import type { BlockHandlers } from "./block-reader.ts";
import { type ControlEvent, readFields, type StreamReset } from "./control-event.ts";
import { isDuplicate } from "./cursor.ts";

/** An event of the stream, in order. */
export interface Delivery extends ControlEvent {
  readonly event: string;
  readonly data: string;
  /** The cursor after this event. */
  readonly id: string;
  /** Whether it is a control event, which says the rest. */
  readonly isControl: boolean;
  readonly url: string;
}

/** What a piece of a response held. */
export interface Batch {
  readonly deliveries: readonly Delivery[];
  /** The cursor behind it: a block with only an `id:` may have come last. */
  readonly cursor: string;
  /** Whether a request with this cursor goes on behind it, and does not repeat a part of a snapshot prefix. */
  readonly isResumable: boolean;
  /** Aborts when the response is over. What its events say of the state does not hold any more then. */
  readonly signal: AbortSignal;
}

/** Takes the blocks of one response. It ends the attempt when one of them says that the response is over. */
export interface ResponseReader extends BlockHandlers {
  /** What the blocks since the last call held. */
  take(): Batch;
}

export interface StreamSettings {
  readonly lastEventId: string;
  readonly maxEventSize: number;
  /** Whether control events are understood, and ids compared. */
  readonly resilient: boolean;
  /** Whether a response that ends properly is the whole stream, if it had neither an id nor a control event. */
  readonly isFinite: boolean;
}

/** Reads one stream from all its responses: skips duplicates, keeps the cursor, and understands control events. */
export interface StreamReader {
  /** The id of the last event that was read. Set it back if events that were read are not used. */
  cursor: string;
  /** The server's last `retry:`, in ms. */
  retry?: number;
  /** The interval of the server's heartbeats, in ms; `Infinity` if it sends none. */
  heartbeat: number;
  /** Begins a response. */
  open(attempt: Attempt, url: string): ResponseReader;
  /** The outcome of an attempt, given the cursor: a loss after a terminal id is the end of the stream. */
  conclude(outcome: AttemptOutcome): AttemptOutcome;
}

/**
 * @param onActivity called for each event and comment
 * @param onProgress called for an id of a holdfast server that has a higher number than those before, or a new epoch
 */
export function createStreamReader(
  { isFinite, lastEventId, maxEventSize, resilient }: StreamSettings,
  onActivity: () => void,
  onProgress: () => void,
): StreamReader {
  /** The id with the highest number of its epoch. */
  let newest = lastEventId;
  /** Whether no response had an `id:`, or a control event. */
  let isAnonymous = lastEventId === "";
  /** The last `stream.error`, until an event shows that the stream goes on. */
  let serverError: PublicError | undefined;
  /** Whether a snapshot prefix was cut off. */
  let hasPartialPrefix = false;

  const endWith = (reason: EndStatus): AttemptOutcome => ({
    type: reason === "done" ? reason : "fatal",
    reason,
    message: serverError?.message ?? `The stream ended: ${reason}.`,
    server: serverError,
  });

  function open(attempt: Attempt, url: string): ResponseReader {
    const { signal } = attempt;
    const deliveries: Delivery[] = [];
    /** Whether the server has shown that it speaks our protocol. */
    let isHoldfast = false;
    /**
     * Whether events without an id belong to a snapshot prefix. They arrive again if it is cut off before the next id.
     */
    let isInPrefix = false;
    /** What the next event of the application shows, while the stream has no producer, and waits for one. */
    let resumption: ControlEvent | undefined;
    /** The cursor before the last `id:`. */
    let previousCursor = "";

    /** Returns a control event after its effects, or `undefined` for an event of the application. */
    function readControl(event: string, data: string, id: string | undefined): ControlEvent | undefined {
      if (!event.startsWith("stream.")) return undefined;
      const fields = readFields(data);
      switch (event) {
        case "stream.open":
          isHoldfast = true;
          isAnonymous = false;
          isInPrefix = id === undefined;
          if (fields.heartbeat !== undefined) reader.heartbeat = fields.heartbeat ?? Infinity;
          return { status: fields.state === "waiting" ? "waiting" : "replaying" };
        case "stream.live":
          return { status: "live" };
        case "stream.reset":
          if (id === undefined) reader.cursor = "";
          return { reset: fields as StreamReset };
        case "stream.error":
          if (fields.code === "INTERRUPTED") {
            resumption = { status: "live" };
            return { status: "waiting" };
          }
          serverError = fields as PublicError;
          return { error: serverError };
        case "stream.drain":
          attempt.abort({ type: "drain", reason: fields.reason ?? "" });
          return {};
        case "stream.end":
          attempt.abort(endWith(fields.status ?? "failed"));
          return {};
        default:
          // A server that does not speak our protocol may give its own events such a name.
          return isHoldfast ? {} : undefined;
      }
    }

    if (hasPartialPrefix) {
      const reset = { reason: "incomplete", lost: null } as const;
      const data = JSON.stringify(reset);
      deliveries.push({ event: "stream.reset", data, id: reader.cursor, url, isControl: true, reset });
    }
    hasPartialPrefix = false;
    return {
      onId(id) {
        if (signal.aborted) return;
        previousCursor = reader.cursor;
        reader.cursor = id;
        isAnonymous = false;
        if (!parseId(id) || isDuplicate(id, newest)) return;
        newest = id;
        onProgress();
      },
      onEvent(event, data, id) {
        if (signal.aborted) return;
        onActivity();
        const control = resilient ? readControl(event, data, id) : undefined;
        if (resilient && !control) {
          if (id !== undefined && isDuplicate(id, previousCursor)) {
            reader.cursor = previousCursor;
            return;
          }
          serverError = undefined;
          hasPartialPrefix ||= isInPrefix;
        }
        if (id !== undefined) isInPrefix = hasPartialPrefix = false;
        deliveries.push({
          event,
          data,
          id: reader.cursor,
          url,
          isControl: !!control,
          ...(control ?? resumption),
        });
        if (!control) resumption = undefined;
      },
      onComment: onActivity,
      onRetry(ms) {
        reader.retry = ms;
      },
      onError() {
        attempt.abort({ reason: "too-large", message: `Over ${maxEventSize} characters.` });
      },
      take: () => ({
        deliveries: deliveries.splice(0),
        cursor: reader.cursor,
        isResumable: !hasPartialPrefix,
        signal,
      }),
    };
  }

  const reader: StreamReader = {
    cursor: lastEventId,
    // As the standard recommends (WHATWG HTML, 9.2.7), if the server does not say.
    heartbeat: 15_000,
    open,
    conclude(outcome) {
      if (!resilient || outcome.type) return outcome;
      if (isFinite && isAnonymous && outcome.reason === "eof") return endWith("done");
      if (!parseId(reader.cursor)?.end) return outcome;
      // The cursor is a terminal id. A bare source sends no `stream.end`: if it failed, it has sent a `stream.error`.
      return endWith(serverError ? "failed" : "done");
    },
  };
  return reader;
}
