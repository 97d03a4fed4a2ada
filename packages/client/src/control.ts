import type { Reset } from "@holdfast/core";

/**
 * What a client is told is missing. `incomplete` is its own finding: a connection broke off among events that stood for
 * a stream's past and had no ids, so that they come again from the first.
 */
export interface StreamReset {
  readonly reason: Reset["reason"] | "incomplete";
  /** Exactly these numbers are missing, and what came before stands; `null`: start over. */
  readonly lost: readonly [from: number, to: number] | null;
}

/** The fields of a control event (PROTOCOL.md), as far as they are there. */
export interface ControlFields {
  readonly state?: "waiting" | "live" | "ended";
  readonly heartbeat?: number | null;
  readonly reason?: string;
  readonly lost?: readonly [number, number] | null;
  readonly status?: string;
  readonly code?: string;
  readonly message?: string;
  readonly retryable?: boolean;
  readonly retryAfter?: number;
}

/** The fields of a control event. One that cannot be read has none: its name says enough. */
export function readFields(data: string): ControlFields {
  try {
    return { ...(JSON.parse(data) as ControlFields) };
  } catch {
    return {};
  }
}
