import type { EndStatus, PublicError, Reset } from "@holdfast/core";

/**
 * Which events are missing.
 *
 * The reason `incomplete` is found by the client itself: the connection was lost within a snapshot prefix, whose events
 * have no ids, so they arrive again from the first.
 */
export interface StreamReset {
  /** Why they are missing; docs/errors.md explains each reason. */
  readonly reason: Reset["reason"] | "incomplete";
  /** The numbers of the missing events; what came before them stays valid. `null`: drop everything, and start over. */
  readonly lost: readonly [from: number, to: number] | null;
}

/** What a control event tells the application. */
export interface ControlEvent {
  /** The new status of the connection. */
  readonly status?: "waiting" | "replaying" | "live";
  readonly reset?: StreamReset;
  readonly error?: PublicError;
}

/** The fields that a control event may have. */
export interface ControlFields extends Partial<PublicError>, Partial<Pick<StreamReset, "lost">> {
  readonly heartbeat?: number | null;
  readonly state?: string;
  readonly reason?: string;
  readonly status?: EndStatus;
  readonly member?: string;
}

/**
 * The fields of a control event, as PROTOCOL.md describes them: they are not checked. An event that is no JSON has
 * none, and its name alone says enough.
 */
export function readFields(data: string): ControlFields {
  try {
    return { ...JSON.parse(data) };
  } catch {
    return {};
  }
}
