import { backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { HoldfastError } from "./errors.ts";
import type { AnyEvents } from "./event.ts";
import type { Report } from "./observer.ts";
import { type AskSnapshot, checkSnapshot, type Snapshot, toStream } from "./snapshot.ts";
import type { Stream } from "./stream.ts";

/** What the service's database said. */
export type Answer =
  | {
      readonly snapshot: Snapshot<AnyEvents> | undefined;
      /** A finished snapshot as a stream. */
      readonly finished: Stream | undefined;
    }
  | { readonly error: HoldfastError };

export interface SnapshotsOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  /** Whether the stream is in this process. */
  readonly isHere: (id: string) => boolean;
}

type Listener = (answer: Answer) => void;

/** How many calls are under way at most. */
const AT_ONCE = 16;
/** How long an answer serves newcomers, and how long the poller waits after one, +-20 %, in ms. */
const GOOD_FOR = 2_000;

/** One id that somebody is interested in, or was a moment ago. */
interface Inquiry {
  readonly id: string;
  readonly listeners: Set<Listener>;
  /** The call under way; whoever leaves last aborts it. */
  call: AbortController | undefined;
  kept: { readonly answer: Answer; readonly until: number } | undefined;
  /** Until the next call or, when nobody listens, until the answer is too old. */
  cancelTimer: (() => void) | undefined;
  failures: number;
  /** Whether it was said that the stream runs, but not here. */
  warned: boolean;
}

/**
 * The questions to the service's own database: one call per id at a time for all its clients, repeated while they
 * wait; with backoff while it fails.
 */
export class Snapshots {
  readonly #ask: AskSnapshot<AnyEvents>;
  readonly #options: SnapshotsOptions;
  readonly #delay = backoff();
  readonly #inquiries = new Map<string, Inquiry>();
  readonly #queue = new Set<Inquiry>();
  #calls = 0;

  constructor(ask: AskSnapshot<AnyEvents>, options: SnapshotsOptions) {
    this.#ask = ask;
    this.#options = options;
  }

  /** Hears each answer from now on, at once if there is one that is good. Returns how to leave (idempotent). */
  join(id: string, listener: Listener): () => void {
    const inquiry = this.#inquiries.get(id) ?? this.#begin(id);
    inquiry.listeners.add(listener);
    const leave = (): void => {
      if (inquiry.listeners.delete(listener) && inquiry.listeners.size === 0) this.#abandon(inquiry);
    };
    const { kept } = inquiry;
    const good = kept !== undefined && kept.until > this.#options.clock.now();
    if (good) listener(kept.answer);
    if (inquiry.listeners.size === 1) {
      inquiry.cancelTimer?.();
      inquiry.cancelTimer = undefined;
      if (good) this.#sleep(inquiry);
      else this.#enqueue(inquiry);
    }
    return leave;
  }

  /** Forgets all answers. Nobody MUST be listening. */
  clear(): void {
    for (const inquiry of this.#inquiries.values()) inquiry.cancelTimer?.();
    this.#inquiries.clear();
  }

  #begin(id: string): Inquiry {
    const inquiry: Inquiry = {
      id,
      listeners: new Set(),
      call: undefined,
      kept: undefined,
      cancelTimer: undefined,
      failures: 0,
      warned: false,
    };
    this.#inquiries.set(id, inquiry);
    return inquiry;
  }

  #enqueue(inquiry: Inquiry): void {
    this.#queue.add(inquiry);
    this.#callNext();
  }

  #callNext(): void {
    for (const inquiry of this.#queue) {
      if (this.#calls >= AT_ONCE) return;
      this.#queue.delete(inquiry);
      void this.#call(inquiry);
    }
  }

  async #call(inquiry: Inquiry): Promise<void> {
    const call = new AbortController();
    inquiry.call = call;
    this.#calls++;
    const answer = await this.#answer(inquiry, call.signal);
    if (inquiry.call !== call) return;
    this.#calls--;
    inquiry.call = undefined;
    inquiry.kept = { answer, until: this.#options.clock.now() + GOOD_FOR };
    this.#warn(inquiry, answer);
    for (const listener of Array.from(inquiry.listeners)) {
      if (inquiry.listeners.has(listener)) listener(answer);
    }
    if (inquiry.listeners.size > 0) this.#sleep(inquiry);
    this.#callNext();
  }

  async #answer(inquiry: Inquiry, signal: AbortSignal): Promise<Answer> {
    const { id } = inquiry;
    try {
      const snapshot = await this.#ask(id, { signal });
      checkSnapshot(snapshot);
      const isOver = snapshot !== undefined && snapshot.state !== "pending" && snapshot.state !== "running";
      const finished = isOver ? toStream(id, snapshot) : undefined;
      inquiry.failures = 0;
      return { snapshot, finished };
    } catch (cause) {
      if (!signal.aborted) this.#options.report("failed", { id, stage: "snapshot", error: cause });
      const retryAfter = Math.round(this.#delay(inquiry.failures++, this.#options.random()));
      const message = "The stream could not be looked up.";
      return { error: new HoldfastError("SNAPSHOT_FAILED", message, { cause, retryable: true, retryAfter }) };
    }
  }

  #warn(inquiry: Inquiry, answer: Answer): void {
    if (!("snapshot" in answer) || answer.snapshot?.state !== "running" || inquiry.warned) return;
    if (this.#options.isHere(inquiry.id)) return;
    inquiry.warned = true;
    const message = "The stream is said to run, but not in this process: waiting for its result.";
    this.#options.report("warned", { id: inquiry.id, message });
  }

  /** Asks again after a while. */
  #sleep(inquiry: Inquiry): void {
    const { clock, random } = this.#options;
    const answer = inquiry.kept?.answer;
    const wait = answer !== undefined && "error" in answer ? answer.error.retryAfter : undefined;
    inquiry.cancelTimer?.();
    inquiry.cancelTimer = clock.after(wait ?? GOOD_FOR * (0.8 + 0.4 * random()), () => {
      inquiry.cancelTimer = undefined;
      this.#enqueue(inquiry);
    });
  }

  /** Nobody is interested any more; a good answer is kept for a newcomer. */
  #abandon(inquiry: Inquiry): void {
    const { clock } = this.#options;
    inquiry.cancelTimer?.();
    inquiry.cancelTimer = undefined;
    this.#queue.delete(inquiry);
    if (inquiry.call !== undefined) {
      const { call } = inquiry;
      inquiry.call = undefined;
      this.#calls--;
      call.abort();
      this.#callNext();
    }
    const left = (inquiry.kept?.until ?? 0) - clock.now();
    if (left <= 0) this.#inquiries.delete(inquiry.id);
    else inquiry.cancelTimer = clock.after(left, () => void this.#inquiries.delete(inquiry.id));
  }
}
