import { validate, validateOneOf } from "../base/validate.ts";
import { ConnectionError } from "../retry/connection-error.ts";
import { decode, type DecodedMessage, type DecoderMap } from "../stream/decoder.ts";
import type { Convert } from "./reconnect-loop.ts";

// Tested by test/connect.test.ts.

/** An event whose data is its text. */
export interface TextMessage {
  /** The cursor after this event: its own id, or, if it has none, the last one before it (WHATWG HTML, 9.2.6). */
  readonly id: string;
  /** @default "message" */
  readonly event: string;
  /** The text of all its `data:` lines, joined by LF. */
  readonly data: string;
}

/** An event whose data has been decoded. `Events` maps the names of events to the types of their data. */
export type Message<Events extends object> = DecodedMessage<Events>;

/** How the data of events is decoded. */
export interface DecodeOptions<Map extends DecoderMap = DecoderMap> {
  /**
   * Decodes the data of the events with these names. Other events keep their text as data, but the type of the messages
   * has only the names given here.
   */
  readonly events?: Map;
  /**
   * What to do when a decoder throws or a schema rejects the data: leave the event out, or fail with a
   * {@link ConnectionError} `invalid`.
   * @default "error"
   */
  readonly onInvalid?: "skip" | "error";
}

interface DecodedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/**
 * Converts events to messages, and leaves out control events.
 *
 * @throws TypeError for an option that is not valid
 */
export function createDecode({ events = {}, onInvalid = "error" }: DecodeOptions): Convert<DecodedEvent> {
  for (const [name, decoder] of Object.entries(events)) {
    const isDecoder = typeof decoder === "function" || "~standard" in Object(decoder);
    validate(isDecoder, name, "a function or a schema", decoder);
  }
  validateOneOf("onInvalid", onInvalid, "skip|error");
  return async ({ data, event, id, isControl }) => {
    if (isControl) return undefined;
    try {
      const decoder = Object.hasOwn(events, event) && events[event];
      return { id, event, data: decoder ? await decode(decoder, data) : data };
    } catch (cause) {
      if (onInvalid === "skip") return undefined;
      throw new ConnectionError("invalid", `Invalid data of "${event}".`, { cause });
    }
  };
}
