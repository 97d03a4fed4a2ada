import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "./event.ts";

/*
 * The only code that writes an event stream (WHATWG HTML, 9.2.5 and 9.2.6). It throws for what it cannot encode, and
 * never repairs it.
 */

const encoder = new TextEncoder();
const FORBIDDEN = /[\r\n\0]/;
const LINE_END = /\r\n|\r|\n/;
const RESERVED = "stream.";

/** A heartbeat: an empty comment, which every client ignores. */
export const HEARTBEAT: Uint8Array = encoder.encode(":\n\n");

/**
 * Encodes an event as one block of an event stream (WHATWG HTML, 9.2.6), in UTF-8. Write the bytes whole.
 *
 * @throws `INVALID_EVENT` for CR, LF or NUL in `event` or `id`, a name that begins with `stream.`, a `retry` that is
 * not a non-negative integer, and for data that JSON or UTF-8 cannot represent
 *
 * @example
 * sink.write(encodeEvent({ event: "price", data: { price: 12.5 } })); // event: price\ndata: {"price":12.5}\n\n
 */
export function encodeEvent(event: SseEvent): Uint8Array {
  return encoder.encode(eventText(event));
}

/**
 * Encodes a comment block, which clients ignore: one line that begins with `: ` for each line of `text`; without `text`
 * the empty comment that is holdfast's heartbeat.
 *
 * @throws `INVALID_EVENT` for a lone surrogate in `text`
 */
export function encodeComment(text?: string): Uint8Array {
  return text === undefined ? HEARTBEAT : encoder.encode(`${commentLines(text)}\n`);
}

/** The text of a user event. `id` replaces the event's own, and is not checked. */
export function eventText(event: SseEvent, id?: string): string {
  if (typeof event !== "object" || event === null || event instanceof Error) {
    throw invalid(`An event must be an object, got ${kindOf(event)}.`);
  }
  const text = block(event, id ?? (event.id === undefined ? undefined : singleLine("id", event.id)));
  if (event.event?.startsWith(RESERVED)) {
    throw invalid(
      `Event names that begin with "${RESERVED}" are reserved, got ${JSON.stringify(event.event)}.`,
    );
  }
  return text + dataLines(event.data);
}

const COLON = 0x3a;
const LF = 0x0a;
const E = 0x65;

/** A copy of a frame with an `id:` line, which comes after comments and `event:`. The frame MUST NOT have one. */
export function withId(frame: Uint8Array, id: string): Uint8Array {
  let position = 0;
  while (frame[position] === COLON || frame[position] === E) position = frame.indexOf(LF, position) + 1;
  const line = encoder.encode(`id: ${id}\n`);
  const bytes = new Uint8Array(frame.length + line.length);
  bytes.set(frame.subarray(0, position));
  bytes.set(line, position);
  bytes.set(frame.subarray(position), position + line.length);
  return bytes;
}

/** The text of a control event; with `dispatch` false only its `id:` and `retry:` lines, or "" if it has neither. */
export function controlText(event: SseEvent, dispatch: boolean): string {
  const { id, retry } = event;
  if (dispatch) return block(event, id) + dataLines(event.data);
  return id === undefined && retry === undefined
    ? ""
    : `${block({ ...(retry !== undefined && { retry }) }, id)}\n`;
}

/** @param id not checked */
function block(event: SseEvent, id: string | undefined): string {
  let text = "";
  if (event.comment !== undefined) text += commentLines(event.comment);
  if (event.event !== undefined) text += `event: ${singleLine("event", event.event)}\n`;
  if (id !== undefined) text += `id: ${id}\n`;
  if (event.retry !== undefined) text += `retry: ${milliseconds(event.retry)}\n`;
  return text;
}

function dataLines(data: unknown): string {
  if (typeof data === "string") return `${prefixed("data: ", wellFormed("data", data))}\n`;
  return data === undefined ? "data: \n\n" : `data: ${json(data)}\n\n`;
}

function commentLines(text: unknown): string {
  return prefixed(": ", wellFormed("comment", text));
}

/** Puts `prefix` before each line of `text`. Most text is one line, and searching is cheaper than splitting. */
function prefixed(prefix: string, text: string): string {
  if (!text.includes("\n") && !text.includes("\r")) return `${prefix}${text}\n`;
  return `${prefix}${text.split(LINE_END).join(`\n${prefix}`)}\n`;
}

function json(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw invalid("`data` cannot be serialised as JSON.", cause);
  }
  if (text === undefined) throw invalid(`\`data\` cannot be serialised as JSON, got ${kindOf(data)}.`);
  return text;
}

function singleLine(field: "event" | "id", value: unknown): string {
  const text = wellFormed(field, value);
  if (FORBIDDEN.test(text)) {
    throw invalid(`\`${field}\` must not contain CR, LF or NUL, got ${JSON.stringify(text)}.`);
  }
  return text;
}

function wellFormed(field: string, value: unknown): string {
  if (typeof value !== "string") throw invalid(`\`${field}\` must be a string, got ${kindOf(value)}.`);
  if (!(value as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw invalid(`\`${field}\` has a lone surrogate, which UTF-8 cannot hold.`);
  }
  return value;
}

function milliseconds(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const got = typeof value === "number" ? value : kindOf(value);
  throw invalid(`\`retry\` must be a non-negative integer, got ${got}.`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return value instanceof Error ? value.name : typeof value;
}

function invalid(message: string, cause?: unknown): HoldfastError {
  // Not exposed: the message quotes the value, and clients see the error if it fails a stream.
  return new HoldfastError("INVALID_EVENT", message, { cause, expose: false });
}
