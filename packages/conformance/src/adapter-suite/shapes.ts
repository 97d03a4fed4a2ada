import assert from "node:assert/strict";
import type { Client } from "../wire/client.ts";

/** The headers of a stream. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};
/** Of an answer that is no stream. */
export const NO_STREAM_HEADERS = { "cache-control": "no-store" };

export const TERMINAL_ID = "0123456789.7.end";

/** Checks those headers that the answer must have; a server adds its own. */
export function assertHeaders({ headers }: Client, expected: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name);
}

export function assertRetry(retry: string | undefined, least = 1_000, most = 2_000): void {
  assert(Number(retry) >= least && Number(retry) <= most, `retry: ${retry}`);
}

/** `1`, `2`, ... as texts. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}
