import type { Clock } from "./clock.ts";

export interface KeyedPollerOptions<Result, State> {
  readonly clock: Clock;
  /** Creates the state of a key that gets its first listener. */
  readonly createState: (key: string) => State;
  /** Called when a key has no listeners and no result any more. */
  readonly deleteState?: (state: State) => void;
  /** Makes one call. MUST call `onResult` once, unless the returned function has cancelled the call. */
  readonly call: (key: string, state: State, onResult: (result: Result) => void) => () => void;
  /** The time in ms from a result to the next call, while there are listeners. */
  readonly interval: (result: Result) => number;
  /**
   * The time in ms for which new listeners get an earlier result. With 0 they get that of the call in progress or, if
   * there is none, of a call that starts at once.
   */
  readonly keepFor: number;
  /**
   * Whether a result may be given to listeners that join after its call has begun. If not, it is not kept, and they get
   * that of a call of their own. @default always
   */
  readonly isLasting?: (result: Result) => boolean;
}

type Listener<Result> = (result: Result) => void;

interface Member<Result> {
  readonly listener: Listener<Result>;
  /** Whether it gets no result of an earlier call. */
  readonly isFresh: boolean;
  /** How many calls had begun when it joined, or when what they read changed. */
  earlierCalls: number;
}

/** A key that has listeners, or had some until a moment ago. */
interface Entry<Result, State> {
  readonly key: string;
  readonly state: State;
  readonly members: Set<Member<Result>>;
  /** How many calls have begun. */
  calls: number;
  /** Cancels the call in progress; `undefined` when there is none. */
  cancelCall: (() => void) | undefined;
  /** Cancels the timer of the next call or, without listeners, the one that deletes the entry. */
  cancelTimer: () => void;
  /** Whether the next call is due as soon as the call in progress has its result. */
  isStale: boolean;
  kept: Kept<Result> | undefined;
  /** Whether the last result may be given to new listeners. */
  isLasting: boolean;
}

interface Kept<Result> {
  readonly result: Result;
  readonly until: number;
  readonly nextCallAt: number;
}

/** Polls each key that has listeners, with one call at a time for all of them. */
export class KeyedPoller<Result, State = undefined> {
  readonly #options: KeyedPollerOptions<Result, State>;
  readonly #entries = new Map<string, Entry<Result, State>>();

  constructor(options: KeyedPollerOptions<Result, State>) {
    this.#options = options;
  }

  /**
   * Calls `listener` with each result from now on, at once if one is kept. Returns how to remove it (idempotent).
   *
   * @param isFresh makes a new call, and passes on no result of an earlier one
   */
  join(key: string, listener: Listener<Result>, isFresh = false): () => void {
    const entry = this.#entries.get(key) ?? this.#create(key);
    const member: Member<Result> = { listener, isFresh, earlierCalls: entry.calls };
    entry.members.add(member);
    const kept = isFresh ? undefined : this.#kept(entry);
    const isFirst = entry.members.size === 1;
    if (isFresh) this.#refresh(entry);
    else if (isFirst || this.#options.keepFor === 0 || !entry.isLasting) this.#scheduleCall(entry);
    if (kept !== undefined) listener(kept.result);
    return () => {
      if (entry.members.delete(member) && entry.members.size === 0) this.#abandon(entry);
    };
  }

  /** Calls at once or, if a call is in progress, as soon as that has its result: it may be out of date. */
  refresh(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.members.size === 0) return;
    for (const member of entry.members) member.earlierCalls = entry.calls;
    this.#refresh(entry);
  }

  /** Whether a call is in progress. */
  isCalling(key: string): boolean {
    return this.#entries.get(key)?.cancelCall !== undefined;
  }

  refreshAll(): void {
    for (const key of this.#entries.keys()) this.refresh(key);
  }

  /** Deletes the results of all keys without listeners. */
  dropUnused(): void {
    for (const entry of this.#entries.values()) {
      if (entry.members.size > 0) continue;
      entry.cancelTimer();
      this.#delete(entry);
    }
  }

  /** Deletes all results. There MUST be no listeners. */
  clear(): void {
    for (const entry of this.#entries.values()) {
      entry.cancelTimer();
      this.#delete(entry);
    }
  }

  #create(key: string): Entry<Result, State> {
    const entry: Entry<Result, State> = {
      key,
      state: this.#options.createState(key),
      members: new Set(),
      calls: 0,
      cancelCall: undefined,
      cancelTimer: nothing,
      isStale: false,
      kept: undefined,
      isLasting: true,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #kept({ kept }: Entry<Result, State>): Entry<Result, State>["kept"] {
    return kept !== undefined && kept.until > this.#options.clock.now() ? kept : undefined;
  }

  #refresh(entry: Entry<Result, State>): void {
    if (entry.cancelCall !== undefined) entry.isStale = true;
    else this.#call(entry);
  }

  /** After a kept result the next call is made when it is due, without one at once. */
  #scheduleCall(entry: Entry<Result, State>): void {
    if (entry.cancelCall !== undefined) return;
    const kept = this.#kept(entry);
    if (kept === undefined) this.#call(entry);
    else this.#callAt(entry, kept.nextCallAt);
  }

  #callAt(entry: Entry<Result, State>, time: number): void {
    const { clock } = this.#options;
    entry.cancelTimer();
    entry.cancelTimer = clock.after(time - clock.now(), () => this.#call(entry));
  }

  #call(entry: Entry<Result, State>): void {
    entry.cancelTimer();
    entry.cancelTimer = nothing;
    entry.isStale = false;
    let hasResult = false;
    const call = ++entry.calls;
    const cancel = this.#options.call(entry.key, entry.state, (result) => {
      hasResult = true;
      entry.cancelCall = undefined;
      this.#publish(entry, result, call);
    });
    if (hasResult) return;
    // The call itself may have had the effect that the listeners waited for, so that all of them have left.
    if (entry.members.size === 0) cancel();
    else entry.cancelCall = cancel;
  }

  #publish(entry: Entry<Result, State>, result: Result, call: number): void {
    const { clock, interval, keepFor, isLasting = () => true } = this.#options;
    const now = clock.now();
    const nextCallAt = now + interval(result);
    entry.isLasting = isLasting(result);
    const isKept = entry.isLasting && keepFor > 0;
    entry.kept = isKept ? { result, until: now + keepFor, nextCallAt } : undefined;
    // A copy, because a listener may leave, or let others leave or join.
    for (const member of Array.from(entry.members)) {
      if (!entry.members.has(member)) continue;
      const isEarlier = call <= member.earlierCalls;
      if (isEarlier && (member.isFresh || !entry.isLasting)) entry.isStale = true;
      else member.listener(result);
    }
    if (entry.members.size > 0 && entry.cancelCall === undefined) {
      this.#callAt(entry, entry.isStale ? now : nextCallAt);
    }
  }

  /** The last listener has left. A kept result stays for new listeners. */
  #abandon(entry: Entry<Result, State>): void {
    const { clock } = this.#options;
    entry.cancelTimer();
    entry.cancelTimer = nothing;
    entry.cancelCall?.();
    entry.cancelCall = undefined;
    const kept = this.#kept(entry);
    if (kept === undefined) this.#delete(entry);
    else entry.cancelTimer = clock.after(kept.until - clock.now(), () => this.#delete(entry));
  }

  #delete({ key, state }: Entry<Result, State>): void {
    this.#entries.delete(key);
    this.#options.deleteState?.(state);
  }
}

function nothing(): void {
  // There is no timer.
}
