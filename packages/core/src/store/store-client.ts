import { CallLimit } from "../base/call-limit.ts";
import { closedError, HoldfastError } from "../base/errors.ts";
import { callWithTimeout, startAsync, type TimedCall } from "../base/timed-call.ts";
import { TimerScope } from "../base/timer-scope.ts";
import type { Report } from "../protocol/observer.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { RetryQueue } from "./retry-queue.ts";
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
import { type HealthKind, StoreHealth } from "./store-health.ts";

/** For how long a producer counts as alive without an append, in ms. */
export const LEASE: number = 15_000;
/** How long a call may take, in ms: less than a lease, so that a store that hangs does not cost one. */
export const CALL_TIMEOUT: number = 5_000;
/** How many calls of one registry may be under way; others wait for them. */
const MAX_CALLS = 1_000;
/** For how long a call counts as under way that its caller has given up, in ms: the store may never settle it. */
const ABANDONED_AFTER = 15_000;

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
  readonly health: StoreHealth;
  /** The producers that wait for the store to take writes again. */
  readonly retries: RetryQueue;
  readonly #store: Store;
  readonly #calls = new Set<TimedCall<unknown>>();
  readonly #limit = new CallLimit(MAX_CALLS);
  readonly #stopHealth: () => void;
  #cancelTimer: () => void = () => undefined;
  #isClosed = false;

  /** @param onBack called when an outage is over, in which these kinds of calls had failed */
  constructor(
    store: Store,
    { clock, random, report }: Runtime,
    onBack: (kinds: ReadonlySet<HealthKind>) => void,
  ) {
    this.#store = store;
    this.clock = new TimerScope(clock);
    this.random = random;
    this.report = report;
    this.health = new StoreHealth({
      runtime: this,
      onBack,
      probe: (kind, id) => void this.#probe(kind, id).catch(() => undefined),
    });
    this.retries = new RetryQueue(this);
    this.#stopHealth = store.health((isHealthy) => {
      this.#cancelTimer();
      if (this.#isClosed) return;
      if (isHealthy) this.health.succeeded("connection");
      // Later: a call that fails at the same moment knows the reason.
      else
        this.#cancelTimer = this.clock.after(0, () =>
          this.health.failed("connection", undefined, new Error("The store is away.")),
        );
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param onLate called with an answer that nobody waits for any more */
  open(id: string, options: StoreOpen, onLate?: (opened: StoreOpened) => void): Promise<StoreOpened> {
    const isWrite = ({ role }: StoreOpened): boolean => role === "producer";
    return this.#call(id, () => this.#store.open(id, options), isWrite, onLate);
  }

  append(id: string, append: StoreAppend): Promise<StoreAppended> {
    return this.#call(
      id,
      () => this.#store.append(id, append),
      ({ code }) => code === "ok",
    );
  }

  read(id: string, after: StoreCursor | null, limits: PageLimits): Promise<StorePage> {
    return this.#call(id, () => this.#store.read(id, after, limits));
  }

  /** Reads what the store knows of an id, for calls that need no frames. */
  readHead(id: string): Promise<StorePage> {
    return this.read(id, null, { frames: 1, bytes: 1 });
  }

  cancel(id: string, reason: string, graceMs: number): Promise<boolean> {
    return this.#call(id, () => this.#store.cancel(id, reason, graceMs), isTrue);
  }

  lost(id: string, fence: number, end: StoredEnd): Promise<boolean> {
    return this.#call(id, () => this.#store.lost(id, fence, end), isTrue);
  }

  delete(id: string): Promise<void> {
    // A full store deletes, too.
    return this.#call(
      id,
      () => this.#store.delete(id),
      () => false,
    );
  }

  /** The marker of the store's data; `undefined` if the store has none. */
  async marker(): Promise<string | undefined> {
    if (this.#store.marker === undefined) return undefined;
    return this.#call(
      undefined,
      () => this.readMarker(),
      () => true,
    );
  }

  /** As {@link marker}, but in unbounded time, and a failure says nothing about the store. */
  async readMarker(): Promise<string | undefined> {
    return this.#store.marker?.();
  }

  disconnect(id: string): Promise<void> {
    return this.#call(id, () => this.#store.hintDisconnect(id));
  }

  /** An append that nobody waits for; it may still be under way after {@link close}. */
  appendAndForget(id: string, append: StoreAppend): void {
    const onError = (error: unknown): void => this.report("failed", { id, stage: "store", error });
    startAsync(() => this.#store.append(id, append)).catch(onError);
  }

  /**
   * Resolves when `run` settles, or after `ms`.
   *
   * @throws (as a rejection) `REGISTRY_CLOSED`
   */
  async wait(ms: number, run: () => Promise<void>): Promise<void> {
    if (this.#isClosed) throw closedError();
    const call = callWithTimeout(this.clock, ms, run);
    this.#calls.add(call);
    await call.result.catch(() => undefined);
    this.#calls.delete(call);
    if (this.#isClosed) throw closedError();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopHealth();
    this.clock.stop();
    for (const call of this.#calls) call.cancel(closedError());
  }

  /** @param isWrite whether the answer proves that the store takes writes; left out for a read */
  async #call<T>(
    id: string | undefined,
    run: () => Promise<T>,
    isWrite?: (value: T) => boolean,
    onLate?: (value: T) => void,
  ): Promise<T> {
    if (this.#isClosed) throw closedError();
    const kind = isWrite === undefined ? "read" : "write";
    let leave = (): void => undefined;
    let isRunning = false;
    const runInTurn = (): Promise<T> =>
      new Promise((resolve, reject) => {
        leave = this.#limit.enter(() => {
          isRunning = true;
          startAsync(run)
            .finally(() => {
              isRunning = false;
              leave();
            })
            .then(resolve, reject);
        });
      });
    const call = callWithTimeout(this.clock, CALL_TIMEOUT, runInTurn, onLate);
    this.#calls.add(call);
    try {
      const value = await call.result;
      if (!this.#isClosed) this.health.succeeded(isWrite?.(value) === false ? "connection" : kind);
      return value;
    } catch (cause) {
      if (this.#isClosed) throw closedError();
      if (isRunning) this.clock.after(ABANDONED_AFTER, leave);
      else leave();
      this.#failed(kind, id, cause);
      throw new HoldfastError("STORE_UNAVAILABLE", "The store does not answer.", { cause, retryable: true });
    } finally {
      this.#calls.delete(call);
    }
  }

  #failed(kind: HealthKind, id: string | undefined, cause: unknown): void {
    const isAlone = HoldfastError.is(cause) && !cause.retryable;
    if (!isAlone) return this.health.failed(kind, id, cause);
    this.health.failedAlone(id, cause);
    // A store that finds a key broken does read.
    if (kind === "read" || id === undefined) this.health.succeeded(kind);
  }

  async #probe(kind: HealthKind, id: string | undefined): Promise<void> {
    if (kind === "read" && id !== undefined) await this.readHead(id);
    else if (kind === "write" && this.#store.marker !== undefined) await this.marker();
    // Nobody has written since it failed, and there is no write that does no harm.
    else if (kind === "write") this.health.succeeded("write");
  }
}

function isTrue(value: boolean): boolean {
  return value;
}
