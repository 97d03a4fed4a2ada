import { backoff } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { HoldfastError } from "../base/errors.ts";
import type { AnyEvents } from "../protocol/event.ts";
import type { Report } from "../protocol/observer.ts";
import { Queue } from "../base/limiter.ts";
import { type AskSnapshot, type Finding, readSnapshot } from "./snapshot.ts";

/** What came of a question to the service's database. */
export type Answer = Finding | { readonly state: "unknown"; readonly error: HoldfastError };

export interface SnapshotsOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly report: Report;
  /** Whether the stream is in this process, or can be started there. */
  readonly isHere: (id: string) => boolean;
}

type Listener = (answer: Answer) => void;

/** How many calls are under way at most, and how long one counts that was given up and does not settle, in ms. */
const CALLS = { atOnce: 16, fadesAfter: 2_000 };
/** How long an answer serves newcomers, in ms. */
const GOOD_FOR = 2_000;
/** How long after an answer those who wait for another have it asked again, +-20 %, in ms. */
const POLL_INTERVAL = 2_000;

/** One id that somebody is interested in, or was a moment ago. */
interface Inquiry {
  readonly id: string;
  readonly listeners: Set<Listener>;
  /** Of the call that is under way or in the queue; whoever leaves last does it. */
  giveUp: () => void;
  kept: { readonly answer: Answer; readonly until: number; readonly askAgainAt: number } | undefined;
  /** Of the next call or, when nobody listens, of the end of what is kept. */
  cancelTimer: () => void;
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
  readonly #calls: Queue;

  constructor(ask: AskSnapshot<AnyEvents>, options: SnapshotsOptions) {
    this.#ask = ask;
    this.#options = options;
    this.#calls = new Queue({ clock: options.clock, ...CALLS });
  }

  /** Hears each answer from now on, at once if there is one that is good. Returns how to leave (idempotent). */
  join(id: string, listener: Listener): () => void {
    const inquiry = this.#inquiries.get(id) ?? this.#begin(id);
    inquiry.listeners.add(listener);
    const answer = this.#good(inquiry)?.answer;
    if (inquiry.listeners.size === 1) this.#goOn(inquiry);
    if (answer !== undefined) listener(answer);
    return () => {
      if (inquiry.listeners.delete(listener) && inquiry.listeners.size === 0) this.#abandon(inquiry);
    };
  }

  /** Forgets all answers. Nobody MUST be listening. */
  clear(): void {
    for (const inquiry of this.#inquiries.values()) inquiry.cancelTimer();
    this.#inquiries.clear();
  }

  #begin(id: string): Inquiry {
    const inquiry: Inquiry = {
      id,
      listeners: new Set(),
      giveUp: nothing,
      kept: undefined,
      cancelTimer: nothing,
      failures: 0,
      warned: false,
    };
    this.#inquiries.set(id, inquiry);
    return inquiry;
  }

  #good({ kept }: Inquiry): Inquiry["kept"] {
    return kept !== undefined && kept.until > this.#options.clock.now() ? kept : undefined;
  }

  /** Asks for those who listen: in its time after a good answer, else at once. */
  #goOn(inquiry: Inquiry): void {
    const { clock } = this.#options;
    const ask = (): void => {
      inquiry.giveUp = this.#calls.add((signal) => this.#call(inquiry, signal));
      // Whoever is asked may open the stream at once, and so be rid of those who listen.
      if (inquiry.listeners.size === 0) inquiry.giveUp();
    };
    inquiry.cancelTimer();
    const good = this.#good(inquiry);
    if (good === undefined) ask();
    else inquiry.cancelTimer = clock.after(good.askAgainAt - clock.now(), ask);
  }

  async #call(inquiry: Inquiry, signal: AbortSignal): Promise<void> {
    const answer = await this.#answer(inquiry, signal);
    if (!signal.aborted) this.#take(inquiry, answer);
  }

  async #answer(inquiry: Inquiry, signal: AbortSignal): Promise<Answer> {
    const { id } = inquiry;
    try {
      const finding = readSnapshot(id, await this.#ask(id, { signal }));
      inquiry.failures = 0;
      return finding;
    } catch (cause) {
      if (!signal.aborted) this.#options.report("failed", { id, stage: "snapshot", error: cause });
      const retryAfter = Math.round(this.#delay(inquiry.failures++, this.#options.random()));
      const message = "The stream could not be looked up.";
      const error = new HoldfastError("SNAPSHOT_FAILED", message, { cause, retryable: true, retryAfter });
      return { state: "unknown", error };
    }
  }

  #take(inquiry: Inquiry, answer: Answer): void {
    const { clock, random } = this.#options;
    const now = clock.now();
    const wait = answer.state === "unknown" ? answer.error.retryAfter : undefined;
    const askAgainAt = now + (wait ?? POLL_INTERVAL * (0.8 + 0.4 * random()));
    inquiry.giveUp = nothing;
    inquiry.kept = { answer, until: now + GOOD_FOR, askAgainAt };
    this.#warn(inquiry, answer);
    // A copy: some leave as they hear it, and others come.
    for (const listener of Array.from(inquiry.listeners)) {
      if (inquiry.listeners.has(listener)) listener(answer);
    }
    if (inquiry.listeners.size > 0) this.#goOn(inquiry);
  }

  #warn(inquiry: Inquiry, { state }: Answer): void {
    if (state !== "running" || inquiry.warned || this.#options.isHere(inquiry.id)) return;
    inquiry.warned = true;
    const message = "The stream is said to run, but it is not in this process.";
    this.#options.report("warned", { id: inquiry.id, message });
  }

  /** Nobody is interested any more; a good answer is kept for a newcomer. */
  #abandon(inquiry: Inquiry): void {
    const { clock } = this.#options;
    inquiry.cancelTimer();
    inquiry.giveUp();
    inquiry.giveUp = nothing;
    const forget = (): void => void this.#inquiries.delete(inquiry.id);
    const good = this.#good(inquiry);
    if (good === undefined) forget();
    else inquiry.cancelTimer = clock.after(good.until - clock.now(), forget);
  }
}

function nothing(): void {
  // There is no timer and no call.
}
