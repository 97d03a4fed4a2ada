import type { Runtime } from "../protocol/runtime.ts";
import { backoff } from "../base/backoff.ts";
import { HoldfastError } from "../base/errors.ts";
import type { AnyEvents } from "../protocol/event.ts";
import { Limiter } from "../base/limiter.ts";
import { type AskSnapshot, type SnapshotResult, readSnapshot } from "./snapshot.ts";

/** What came of a question to the service's database. */
export type SnapshotOutcome = SnapshotResult | { readonly state: "unknown"; readonly error: HoldfastError };

export interface SnapshotPollerOptions {
  readonly runtime: Runtime;
  /** Whether the stream is in this process, or can be started there. */
  readonly isHere: (id: string) => boolean;
}

type Listener = (answer: SnapshotOutcome) => void;

/** How many calls are under way at most, and how long one counts that was given up and does not settle, in ms. */
const CALLS = { concurrency: 16, abandonAfter: 2_000 };
/** How long an answer serves newcomers, in ms. */
const GOOD_FOR = 2_000;
/** How long after an answer those who wait for another have it asked again, +-20 %, in ms. */
const POLL_INTERVAL = 2_000;

/** One id that somebody is interested in, or was a moment ago. */
interface PendingLookup {
  readonly id: string;
  readonly listeners: Set<Listener>;
  /** Of the call that is under way or in the queue; whoever leaves last does it. */
  giveUp: () => void;
  kept: { readonly answer: SnapshotOutcome; readonly until: number; readonly askAgainAt: number } | undefined;
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
export class SnapshotPoller {
  readonly #ask: AskSnapshot<AnyEvents>;
  readonly #options: SnapshotPollerOptions;
  readonly #delay = backoff();
  readonly #lookups = new Map<string, PendingLookup>();
  readonly #calls: Limiter;

  constructor(ask: AskSnapshot<AnyEvents>, options: SnapshotPollerOptions) {
    this.#ask = ask;
    this.#options = options;
    this.#calls = new Limiter({ clock: options.runtime.clock, ...CALLS });
  }

  /** Hears each answer from now on, at once if there is one that is good. Returns how to leave (idempotent). */
  join(id: string, listener: Listener): () => void {
    const lookup = this.#lookups.get(id) ?? this.#begin(id);
    lookup.listeners.add(listener);
    const answer = this.#good(lookup)?.answer;
    if (lookup.listeners.size === 1) this.#goOn(lookup);
    if (answer !== undefined) listener(answer);
    return () => {
      if (lookup.listeners.delete(listener) && lookup.listeners.size === 0) this.#abandon(lookup);
    };
  }

  /** Forgets all answers. Nobody MUST be listening. */
  clear(): void {
    for (const lookup of this.#lookups.values()) lookup.cancelTimer();
    this.#lookups.clear();
  }

  #begin(id: string): PendingLookup {
    const lookup: PendingLookup = {
      id,
      listeners: new Set(),
      giveUp: nothing,
      kept: undefined,
      cancelTimer: nothing,
      failures: 0,
      warned: false,
    };
    this.#lookups.set(id, lookup);
    return lookup;
  }

  #good({ kept }: PendingLookup): PendingLookup["kept"] {
    return kept !== undefined && kept.until > this.#options.runtime.clock.now() ? kept : undefined;
  }

  /** Asks for those who listen: in its time after a good answer, else at once. */
  #goOn(lookup: PendingLookup): void {
    const { clock } = this.#options.runtime;
    const ask = (): void => {
      lookup.giveUp = this.#calls.add((signal) => this.#call(lookup, signal));
      // Whoever is asked may open the stream at once, and so be rid of those who listen.
      if (lookup.listeners.size === 0) lookup.giveUp();
    };
    lookup.cancelTimer();
    const good = this.#good(lookup);
    if (good === undefined) ask();
    else lookup.cancelTimer = clock.after(good.askAgainAt - clock.now(), ask);
  }

  async #call(lookup: PendingLookup, signal: AbortSignal): Promise<void> {
    const answer = await this.#answer(lookup, signal);
    if (!signal.aborted) this.#take(lookup, answer);
  }

  async #answer(lookup: PendingLookup, signal: AbortSignal): Promise<SnapshotOutcome> {
    const { id } = lookup;
    try {
      const finding = readSnapshot(id, await this.#ask(id, { signal }));
      lookup.failures = 0;
      return finding;
    } catch (cause) {
      if (!signal.aborted) this.#options.runtime.report("failed", { id, stage: "snapshot", error: cause });
      const retryAfter = Math.round(this.#delay(lookup.failures++, this.#options.runtime.random()));
      const message = "The stream could not be looked up.";
      const error = new HoldfastError("SNAPSHOT_FAILED", message, { cause, retryable: true, retryAfter });
      return { state: "unknown", error };
    }
  }

  #take(lookup: PendingLookup, answer: SnapshotOutcome): void {
    const { clock, random } = this.#options.runtime;
    const now = clock.now();
    const wait = answer.state === "unknown" ? answer.error.retryAfter : undefined;
    const askAgainAt = now + (wait ?? POLL_INTERVAL * (0.8 + 0.4 * random()));
    lookup.giveUp = nothing;
    lookup.kept = { answer, until: now + GOOD_FOR, askAgainAt };
    this.#warn(lookup, answer);
    // A copy: some leave as they hear it, and others come.
    for (const listener of Array.from(lookup.listeners)) {
      if (lookup.listeners.has(listener)) listener(answer);
    }
    if (lookup.listeners.size > 0) this.#goOn(lookup);
  }

  #warn(lookup: PendingLookup, { state }: SnapshotOutcome): void {
    if (state !== "running" || lookup.warned || this.#options.isHere(lookup.id)) return;
    lookup.warned = true;
    const message = "The stream is said to run, but it is not in this process.";
    this.#options.runtime.report("warned", { id: lookup.id, message });
  }

  /** Nobody is interested any more; a good answer is kept for a newcomer. */
  #abandon(lookup: PendingLookup): void {
    const { clock } = this.#options.runtime;
    lookup.cancelTimer();
    lookup.giveUp();
    lookup.giveUp = nothing;
    const forget = (): void => void this.#lookups.delete(lookup.id);
    const good = this.#good(lookup);
    if (good === undefined) forget();
    else lookup.cancelTimer = clock.after(good.until - clock.now(), forget);
  }
}

function nothing(): void {
  // There is no timer and no call.
}
