import { closedError, HoldfastError } from "../base/errors.ts";
import { callWithTimeout, startAsync, type TimedCall } from "../base/timed-call.ts";
import { TimerScope } from "../base/timer-scope.ts";
import type { Report } from "../protocol/observer.ts";
import type { Runtime } from "../protocol/runtime.ts";
import type {
  PageLimits,
  Store,
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreOpen,
  StoreOpened,
  StorePage,
} from "./store.ts";

/** For how long a producer counts as alive without an append, in ms. */
export const LEASE: number = 15_000;
/** How long a call may take, in ms: less than a lease, so that a store that hangs does not cost one. */
export const CALL_TIMEOUT: number = 5_000;
/** For how long after an outage producers may renew their leases before an expired lease means anything, in ms. */
const LEASE_GRACE = 5_000;

/** How often the store is read without a hint, in ms. */
const POLL_INTERVAL = { min: 2_000, max: 5_000 };

/** @param random in [0, 1) */
export function pollDelay(random: number): number {
  return POLL_INTERVAL.min + (POLL_INTERVAL.max - POLL_INTERVAL.min) * random;
}

/**
 * Calls a store: every call settles in bounded time, and each outage is reported once. After {@link close} no call is
 * pending, and no timer is set.
 *
 * @throws (each call, as a rejection) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
 */
export class StoreClient implements Runtime {
  /** For everything that works with the store: its timers end when the client is closed. */
  readonly clock: TimerScope;
  readonly random: () => number;
  readonly report: Report;
  readonly #store: Store;
  readonly #onBack: () => void;
  readonly #calls = new Set<TimedCall<unknown>>();
  readonly #stopHealth: () => void;
  #cancelTimer: () => void = () => undefined;
  #isHealthy = true;
  #backAt = -Infinity;
  #isClosed = false;

  /** @param onBack called when an outage is over */
  constructor(store: Store, { clock, random, report }: Runtime, onBack: () => void) {
    this.#store = store;
    this.clock = new TimerScope(clock);
    this.random = random;
    this.report = report;
    this.#onBack = onBack;
    this.#stopHealth = store.health((isHealthy) => {
      this.#cancelTimer();
      if (isHealthy) this.#succeeded();
      // Later: a call that fails at the same moment knows the reason.
      else
        this.#cancelTimer = this.clock.after(0, () =>
          this.#failed(undefined, new Error("The store is away.")),
        );
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * False during an outage and for 5 s after it: producers could not renew meanwhile, so an expired lease does not prove
   * that one is dead.
   */
  get canExpireLeases(): boolean {
    return this.#isHealthy && this.clock.now() >= this.#backAt + LEASE_GRACE;
  }

  /** @param onLate called with an answer that nobody waits for any more */
  open(id: string, options: StoreOpen, onLate?: (opened: StoreOpened) => void): Promise<StoreOpened> {
    return this.#call(id, () => this.#store.open(id, options), onLate);
  }

  append(id: string, append: StoreAppend): Promise<StoreAppended> {
    return this.#call(id, () => this.#store.append(id, append));
  }

  read(id: string, after: StoreCursor | null, limits: PageLimits): Promise<StorePage> {
    return this.#call(id, () => this.#store.read(id, after, limits));
  }

  /** Reads what the store knows of an id, for calls that need no frames. */
  readHead(id: string): Promise<StorePage> {
    return this.read(id, null, { frames: 1, bytes: 1 });
  }

  cancel(id: string, reason: string, graceMs: number): Promise<boolean> {
    return this.#call(id, () => this.#store.cancel(id, reason, graceMs));
  }

  lost(id: string, fence: number, end: StoredEnd): Promise<boolean> {
    return this.#call(id, () => this.#store.lost(id, fence, end));
  }

  delete(id: string): Promise<void> {
    return this.#call(id, () => this.#store.delete(id));
  }

  /** An append that nobody waits for; it may still be under way after {@link close}. */
  appendAndForget(id: string, append: StoreAppend): void {
    const onError = (error: unknown): void => this.report("failed", { id, stage: "store", error });
    startAsync(() => this.#store.append(id, append)).catch(onError);
  }

  close(): void {
    this.#isClosed = true;
    this.#stopHealth();
    this.clock.stop();
    for (const call of this.#calls) call.cancel(closedError());
  }

  async #call<T>(id: string, run: () => Promise<T>, onLate?: (value: T) => void): Promise<T> {
    if (this.#isClosed) throw closedError();
    const call = callWithTimeout(this.clock, CALL_TIMEOUT, run, onLate);
    this.#calls.add(call);
    try {
      const value = await call.result;
      this.#succeeded();
      return value;
    } catch (cause) {
      if (this.#isClosed) throw closedError();
      this.#failed(id, cause);
      throw new HoldfastError("STORE_UNAVAILABLE", "The store does not answer.", { cause, retryable: true });
    } finally {
      this.#calls.delete(call);
    }
  }

  #failed(id: string | undefined, error: unknown): void {
    if (!this.#isHealthy || this.#isClosed) return;
    this.#isHealthy = false;
    this.report("failed", { id, stage: "store", error });
  }

  #succeeded(): void {
    if (this.#isHealthy || this.#isClosed) return;
    this.#isHealthy = true;
    this.#backAt = this.clock.now();
    this.#onBack();
  }
}
