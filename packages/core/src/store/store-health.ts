import type { Runtime } from "../protocol/runtime.ts";

/**
 * What can fail apart from the rest: a full store refuses writes but serves reads. `connection` is what the store itself
 * says of its availability.
 */
export type HealthKind = "read" | "write" | "connection";

/** An outage is over when what had failed has succeeded, and nothing of that kind has failed for this long, in ms. */
const BACK_AFTER = 1_000;
/** For how long after an outage producers may renew their leases before an expired lease means anything, in ms. */
const LEASE_GRACE = 5_000;
/** When a kind of call that has failed is probed, unless somebody makes such a call before, in ms. */
const PROBE_DELAY = { min: 2_000, max: 4_000 };
/** An id that fails alone is reported once in this time, in ms, and at most so many ids. */
const REPORT_IDS = { interval: 60_000, max: 1_000 };

export interface StoreHealthOptions {
  readonly runtime: Runtime;
  /** Makes a harmless call of this kind, whose outcome is reported to the health. The id is that of a call that failed. */
  readonly probe: (kind: HealthKind, id: string | undefined) => void;
  /** An outage is over, in which these kinds had failed. */
  readonly onBack: (kinds: ReadonlySet<HealthKind>) => void;
}

interface KindState {
  isAway: boolean;
  failedAt: number;
  /** Whether a call has succeeded since the last failure. */
  hasSucceeded: boolean;
  cancelTimer: () => void;
}

/** Whether a store is available, by kind of call. Each outage is reported once, and each id that fails alone once a minute. */
export class StoreHealth {
  readonly #options: StoreHealthOptions;
  readonly #kinds: Readonly<Record<HealthKind, KindState>> = {
    read: createState(),
    write: createState(),
    connection: createState(),
  };
  /** The kinds that have failed in the present outage. */
  #failedKinds = new Set<HealthKind>();
  /** When ids that fail alone were reported, the earliest first. */
  readonly #reportedIds = new Map<string | undefined, number>();
  #isAway = false;
  #backAt = -Infinity;

  constructor(options: StoreHealthOptions) {
    this.#options = options;
  }

  isAway(kind: HealthKind): boolean {
    return this.#kinds[kind].isAway;
  }

  /**
   * False during an outage and for 5 s after it: producers could not renew meanwhile, so an expired lease does not prove
   * that one is dead.
   */
  get canExpireLeases(): boolean {
    return !this.#isAway && this.#options.runtime.clock.now() >= this.#backAt + LEASE_GRACE;
  }

  /** A call was answered. */
  succeeded(kind: HealthKind): void {
    if (!this.#isAway) return;
    this.#markSucceeded(kind);
    this.#markSucceeded("connection");
  }

  /** The store could not serve a call, whatever its id. */
  failed(kind: HealthKind, id: string | undefined, error: unknown): void {
    const { runtime, probe } = this.#options;
    const state = this.#kinds[kind];
    state.cancelTimer();
    state.hasSucceeded = false;
    state.failedAt = runtime.clock.now();
    state.isAway = true;
    this.#failedKinds.add(kind);
    const delay = PROBE_DELAY.min + (PROBE_DELAY.max - PROBE_DELAY.min) * runtime.random();
    state.cancelTimer = runtime.clock.after(delay, () => probe(kind, id));
    if (this.#isAway) return;
    this.#isAway = true;
    runtime.report("failed", { id, stage: "store", error });
  }

  /** A call has failed because of its id. That says nothing about the store. */
  failedAlone(id: string | undefined, error: unknown): void {
    const { clock, report } = this.#options.runtime;
    const now = clock.now();
    for (const [reported, at] of this.#reportedIds) {
      if (now < at + REPORT_IDS.interval) break;
      this.#reportedIds.delete(reported);
    }
    if (this.#reportedIds.has(id) || this.#reportedIds.size >= REPORT_IDS.max) return;
    this.#reportedIds.set(id, now);
    report("failed", { id, stage: "store", error });
  }

  #markSucceeded(kind: HealthKind): void {
    const state = this.#kinds[kind];
    if (!state.isAway || state.hasSucceeded) return;
    const { clock } = this.#options.runtime;
    state.hasSucceeded = true;
    state.cancelTimer();
    const rest = state.failedAt + BACK_AFTER - clock.now();
    if (rest <= 0) this.#markBack(state);
    else state.cancelTimer = clock.after(rest, () => this.#markBack(state));
  }

  #markBack(state: KindState): void {
    state.isAway = false;
    if (Object.values(this.#kinds).some(({ isAway }) => isAway)) return;
    this.#isAway = false;
    this.#backAt = this.#options.runtime.clock.now();
    const kinds = this.#failedKinds;
    this.#failedKinds = new Set();
    this.#options.onBack(kinds);
  }
}

function createState(): KindState {
  return { isAway: false, failedAt: -Infinity, hasSucceeded: false, cancelTimer: () => undefined };
}
