// Tested by test/multiplex/multiplex.test.ts.

import { retryDelay } from "../connection/retry-delay.ts";
import { controlText } from "../protocol/encode.ts";
import type { DrainReason } from "../protocol/reasons.ts";

const encoder = new TextEncoder();

/** The answer to a member that gets no stream. */
export interface MemberAnswer {
  readonly status: number;
  /** In ms. */
  readonly retryAfter?: number | undefined;
}

/** Says that the next blocks are those of a member or, with an answer, that there will be none. */
export function memberFrame(member: string, answer?: MemberAnswer): Uint8Array {
  return encoder.encode(controlText({ event: "stream.member", data: { member, ...answer } }, {}));
}

/**
 * Asks a client to come back for one member.
 *
 * @param spread adds a random time of up to this many ms to the client's reconnection time
 */
export function memberDrainFrame(
  member: string,
  reason: DrainReason,
  random: () => number,
  spread: number,
): Uint8Array {
  const retry = retryDelay(random, reason) + Math.round(spread * random());
  return encoder.encode(controlText({ event: "stream.drain", data: { reason, member } }, { retry }));
}
