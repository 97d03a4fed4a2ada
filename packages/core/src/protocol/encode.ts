import { HoldfastError } from "../base/errors.ts";
import type { SseEvent } from "./event.ts";

/*
 * The only place that writes an event stream (WHATWG HTML, 9.2.5 and 9.2.6). It refuses what it cannot
 * encode; it repairs nothing.
 */

const encoder = new TextEncoder();
const FORBIDDEN = /[\r\n\0]/;
const LINE_END = /\r\n|\r|\n/;
const RESERVED = "stream.";

/** A heartbeat: an empty comment, which every client ignores. */
export const HEARTBEAT: Uint8Array = encoder.encode(":\n\n");

/**
 * One user event as bytes, to be written whole.
 *
 * @throws `INVALID_EVENT`: CR, LF or NUL in `event` or `id`; a reserved name; a `retry` that is no non-negative
 * integer; data that JSON or UTF-8 cannot hold.
 */
export function encodeEvent(event: SseEvent): Uint8Array {
  return encoder.encode(eventText(event));
}

/** A comment block: {@link HEARTBEAT} without `text`, else one `: ` line for each of its lines. */
export function encodeComment(text?: string): Uint8Array {
  return text === undefined ? HEARTBEAT : encoder.encode(`${commentLines(text)}\n`);
}

/** The text of a user event; `id`, which is known to be right, replaces the event's own. */
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

/** A frame without an id with one, in its place behind comment and event. */
export function withId(frame: Uint8Array, id: string): Uint8Array {
  let place = 0;
  while (frame[place] === COLON || frame[place] === E) place = frame.indexOf(LF, place) + 1;
  const line = encoder.encode(`id: ${id}\n`);
  const bytes = new Uint8Array(frame.length + line.length);
  bytes.set(frame.subarray(0, place));
  bytes.set(line, place);
  bytes.set(frame.subarray(place), place + line.length);
  return bytes;
}

/** A control event, or with `dispatch: false` only its `id:` and `retry:` lines: nothing when it has none. */
export function controlText(event: SseEvent, dispatch: boolean): string {
  const { id, retry } = event;
  if (dispatch) return block(event, id) + dataLines(event.data);
  return id === undefined && retry === undefined
    ? ""
    : `${block({ ...(retry !== undefined && { retry }) }, id)}\n`;
}

/** @param id one that is known to be right */
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

/** Every line of `text` behind `prefix`. Most text is one line, and looking is cheaper than splitting. */
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
  // It quotes what came, and may reach clients as the reason why a stream has failed.
  return new HoldfastError("INVALID_EVENT", message, { cause, expose: false });
}
