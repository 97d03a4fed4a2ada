import type { Clock } from "./clock.ts";

export interface KeyedPollerOptions<Answer, State> {
  readonly clock: Clock;
  /** Creates what is kept for a key while there is interest in it. */
  readonly begin: (key: string) => State;
  /** Called when nothing is kept for the key any more. */
  readonly end?: (state: State) => void;
  /**
   * Asks once. MUST call `answered` once, or not at all after it was cancelled by the returned function.
   */
  readonly ask: (key: string, state: State, answered: (answer: Answer) => void) => () => void;
  /** How long after an answer the next call follows while anybody listens, in ms. */
  readonly interval: (answer: Answer) => number;
  /**
   * How long an answer serves new listeners, in ms. With 0, a new listener gets the answer of the call that is under way,
   * or has one made at once.
   */
  readonly keepFor: number;
}

type Listener<Answer> = (answer: Answer) => void;

/** One key that somebody listens to, or listened to a moment ago. */
interface Entry<Answer, State> {
  readonly key: string;
  readonly state: State;
  readonly listeners: Set<Listener<Answer>>;
  /** Cancels the call under way; `undefined` when there is none. */
  cancelCall: (() => void) | undefined;
  /** Cancels the timer of the next call or, without listeners, of the end of what is kept. */
  cancelTimer: () => void;
  /** Whether to ask again as soon as the call under way is answered. */
  askAgain: boolean;
  kept: { readonly answer: Answer; readonly until: number; readonly nextCallAt: number } | undefined;
}

/** Polls for each key while anybody listens to it: one call at a time for all its listeners. */
export class KeyedPoller<Answer, State = undefined> {
  readonly #options: KeyedPollerOptions<Answer, State>;
  readonly #entries = new Map<string, Entry<Answer, State>>();

  constructor(options: KeyedPollerOptions<Answer, State>) {
    this.#options = options;
  }

  /** Calls `listener` with each answer from now on, at once with one that is kept. Returns how to leave (idempotent). */
  join(key: string, listener: Listener<Answer>): () => void {
    const entry = this.#entries.get(key) ?? this.#create(key);
    // The same function may join twice.
    const own: Listener<Answer> = (answer) => listener(answer);
    entry.listeners.add(own);
    const kept = this.#kept(entry)?.answer;
    if (entry.listeners.size === 1 || this.#options.keepFor === 0) this.#scheduleCall(entry);
    if (kept !== undefined) own(kept);
    return () => {
      if (entry.listeners.delete(own) && entry.listeners.size === 0) this.#abandon(entry);
    };
  }

  /** Something may have changed: asks now, or as soon as the call under way is answered. */
  refresh(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.listeners.size > 0) this.#refresh(entry);
  }

  refreshAll(): void {
    for (const entry of this.#entries.values()) if (entry.listeners.size > 0) this.#refresh(entry);
  }

  /** Forgets all answers. There MUST be no listeners. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.cancelTimer();
    this.#entries.clear();
  }

  #create(key: string): Entry<Answer, State> {
    const entry: Entry<Answer, State> = {
      key,
      state: this.#options.begin(key),
      listeners: new Set(),
      cancelCall: undefined,
      cancelTimer: nothing,
      askAgain: false,
      kept: undefined,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #kept({ kept }: Entry<Answer, State>): Entry<Answer, State>["kept"] {
    return kept !== undefined && kept.until > this.#options.clock.now() ? kept : undefined;
  }

  #refresh(entry: Entry<Answer, State>): void {
    if (entry.cancelCall !== undefined) entry.askAgain = true;
    else this.#call(entry);
  }

  /** Behind a kept answer the next call is made when it is due, else at once. */
  #scheduleCall(entry: Entry<Answer, State>): void {
    if (entry.cancelCall !== undefined) return;
    const kept = this.#kept(entry);
    if (kept === undefined) this.#call(entry);
    else this.#callAt(entry, kept.nextCallAt);
  }

  #callAt(entry: Entry<Answer, State>, time: number): void {
    const { clock } = this.#options;
    entry.cancelTimer();
    entry.cancelTimer = clock.after(time - clock.now(), () => this.#call(entry));
  }

  #call(entry: Entry<Answer, State>): void {
    entry.cancelTimer();
    entry.cancelTimer = nothing;
    entry.askAgain = false;
    let isAnswered = false;
    const cancel = this.#options.ask(entry.key, entry.state, (answer) => {
      isAnswered = true;
      entry.cancelCall = undefined;
      this.#answer(entry, answer);
    });
    if (isAnswered) return;
    // The call may already have had the effect that all listeners waited for, so that they have left.
    if (entry.listeners.size === 0) cancel();
    else entry.cancelCall = cancel;
  }

  #answer(entry: Entry<Answer, State>, answer: Answer): void {
    const { clock, interval, keepFor } = this.#options;
    const now = clock.now();
    const nextCallAt = now + interval(answer);
    if (keepFor > 0) entry.kept = { answer, until: now + keepFor, nextCallAt };
    // A copy: some leave when they are called, and others join.
    for (const listener of Array.from(entry.listeners)) {
      if (entry.listeners.has(listener)) listener(answer);
    }
    if (entry.listeners.size > 0 && entry.cancelCall === undefined) {
      this.#callAt(entry, entry.askAgain ? now : nextCallAt);
    }
  }

  /** Nobody listens any more; an answer is kept for new listeners. */
  #abandon(entry: Entry<Answer, State>): void {
    const { clock } = this.#options;
    entry.cancelTimer();
    entry.cancelTimer = nothing;
    entry.cancelCall?.();
    entry.cancelCall = undefined;
    const kept = this.#kept(entry);
    if (kept === undefined) this.#forget(entry);
    else entry.cancelTimer = clock.after(kept.until - clock.now(), () => this.#forget(entry));
  }

  #forget({ key, state }: Entry<Answer, State>): void {
    this.#entries.delete(key);
    this.#options.end?.(state);
  }
}

function nothing(): void {
  // There is no timer.
}
