/*
 * What the server and its clients have agreed upon.
 */

import type { Gauges } from "@holdfast/core";

export type Framework = "node-http" | "express" | "hono";

/** Bytes of the feed's log. */
export const BUFFER = 1 << 20;
/** Bytes of an event's data. */
export const SIZE = 16 << 10;

/** What a registry holds in the end. */
export const NOTHING: Gauges = { connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 };

/** The data of an event: one letter over and over, and at the end the event's number. */
export function dataOf(seq: number): string {
  return String(seq).padStart(SIZE, letterOf(seq));
}

export function letterOf(seq: number): string {
  return String.fromCharCode("a".charCodeAt(0) + (seq % 26));
}
