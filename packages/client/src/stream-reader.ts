import type { PublicError } from "@holdfast/core";
import { createBlockReader } from "./block-reader.ts";
import { type ControlFields, readFields } from "./control.ts";
import { isPast, isTerminal } from "./cursor.ts";
import type { Settings } from "./options.ts";
import type { Outcome } from "./outcome.ts";

/** Something that came, in order. */
export interface Delivery {
  readonly event: string;
  readonly data: string;
  /** The cursor behind it. */
  readonly id: string;
  /** What a control event says. */
  readonly control: ControlFields | undefined;
  /** Where it came from, after redirects. */
  readonly url: string;
}

/** Reads one stream over all its responses: what of it is new, where it stands, and what it says of itself. */
export interface StreamReader {
  /** Where it stands: behind everything that was read. */
  cursor: string;
  /** The server's last `retry:`, in ms. */
  retry?: number;
  /** How often the server says that it beats, in ms; `Infinity` for never. */
  heartbeat: number;
  /**
   * Begins to read a response. What is returned takes its bytes, and gives what they tell.
   *
   * @param attempt aborts with the {@link Outcome}, if the response tells of it
   */
  open(attempt: AbortController, url: string): (bytes: Uint8Array) => Delivery[];
  /** What a loss comes to: if the cursor says that nothing more is to come, it is the end. */
  judge(outcome: Outcome): Outcome;
}

/** @param heard called when an event or a comment came */
export function createStreamReader(
  { lastEventId, maxEventSize, resilient }: Settings,
  heard: () => void,
): StreamReader {
  /** What a `stream.error` said, until an event shows that it went on. */
  let notice: PublicError | undefined;
  /** Whether this response has said that it speaks our protocol. */
  let isOurs = false;
  /** Whether the cursor stands behind the events without an id. It does not behind those of a running answer. */
  let isAnchored = true;
  /** Whether there were some behind which it does not stand: after a loss they come again, from the first. */
  let isLoose = false;

  const ended = (status: string): Outcome => ({
    action: status === "done" ? "done" : "fatal",
    reason: status,
    message: notice?.message ?? `The stream ended: ${status}.`,
    server: notice,
  });

  /** Whether it is a control event. */
  function obey(
    event: string,
    fields: ControlFields,
    id: string | undefined,
    attempt: AbortController,
  ): boolean {
    switch (event) {
      case "stream.open":
        isOurs = true;
        isAnchored = id !== undefined;
        if (fields.heartbeat !== undefined) reader.heartbeat = fields.heartbeat ?? Infinity;
        break;
      case "stream.live":
        break;
      case "stream.reset":
        if (id === undefined) reader.cursor = "";
        break;
      case "stream.error":
        notice = fields as PublicError;
        break;
      case "stream.drain":
        attempt.abort({ action: "drain", reason: fields.reason ?? "", message: "" } satisfies Outcome);
        break;
      case "stream.end":
        attempt.abort(ended(fields.status ?? "failed"));
        break;
      default:
        // To other servers, a name that ours do not use yet is as good as any.
        return isOurs;
    }
    return true;
  }

  const reader: StreamReader = {
    cursor: lastEventId,
    // As the standard advises (9.2.7), if the server says nothing.
    heartbeat: 15_000,
    open(attempt, url) {
      const { signal } = attempt;
      const deliveries: Delivery[] = [];
      /** Where it stood before the last `id:`. */
      let before = "";

      function deliver(event: string, data: string, control?: ControlFields): void {
        deliveries.push({ event, data, id: reader.cursor, control, url });
      }

      isOurs = false;
      isAnchored = true;
      if (isLoose) {
        const reset = `{"reason":"incomplete","lost":null}`;
        deliver("stream.reset", reset, readFields(reset));
      }
      isLoose = false;

      const read = createBlockReader(maxEventSize, {
        id(id) {
          if (signal.aborted) return;
          before = reader.cursor;
          reader.cursor = id;
        },
        event(event, data, id) {
          if (signal.aborted) return;
          heard();
          const fields = resilient && event.startsWith("stream.") ? readFields(data) : undefined;
          const isControl = fields !== undefined && obey(event, fields, id, attempt);
          if (resilient && !isControl) {
            if (id !== undefined && isPast(id, before)) {
              reader.cursor = before;
              return;
            }
            notice = undefined;
            isLoose ||= id === undefined && !isAnchored;
          }
          if (id !== undefined) {
            isAnchored = true;
            isLoose = false;
          }
          deliver(event, data, isControl ? fields : undefined);
        },
        comment: heard,
        retry(ms) {
          reader.retry = ms;
        },
        tooLarge() {
          attempt.abort({
            reason: "too-large",
            message: `Over ${maxEventSize} characters.`,
          } satisfies Outcome);
        },
      });
      return (bytes) => {
        read(bytes);
        return deliveries.splice(0);
      };
    },
    judge(outcome) {
      if (!resilient || outcome.action !== undefined || !isTerminal(reader.cursor)) return outcome;
      // A bare source that failed says nothing else.
      return ended(notice === undefined ? "done" : "failed");
    },
  };
  return reader;
}
