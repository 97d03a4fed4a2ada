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

/** How many frames are kept, for all connections: the same few members are asked for again and again. */
const MAX_KEPT = 1_024;
const kept = new Map<string, Uint8Array>();

/** Says that the next blocks are those of a member. All connections get the same bytes. */
export function memberFrame(member: string): Uint8Array {
  const known = kept.get(member);
  if (known !== undefined) return known;
  if (kept.size === MAX_KEPT) kept.clear();
  const frame = answerFrame(member);
  kept.set(member, frame);
  return frame;
}

/** Says that there will be no blocks of a member. */
export function answerFrame(member: string, answer?: MemberAnswer): Uint8Array {
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
