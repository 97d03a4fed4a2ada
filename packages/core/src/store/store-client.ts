import type { Runtime } from "../protocol/runtime.ts";
import { closedError, HoldfastError } from "../base/errors.ts";
import type { Report } from "../protocol/observer.ts";
import { TimerScope } from "../base/timer-scope.ts";
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

/** How long a producer is taken for alive without a word, in ms. */
export const LEASE: number = 15_000;
/** How long a call may take, in ms: less than a lease, so that a store that hangs does not cost one. */
export const CALL_TIMEOUT: number = 5_000;
/** How long after an outage producers have to renew their leases before anyone is taken for dead, in ms. */
const LEASE_GRACE = 5_000;

/**
 * The client to the store: every call is answered in bounded time, and what goes wrong is told of once an outage. After
 * {@link close} no call is under way for anyone, and no timer.
 *
 * @throws (each call, as a rejection) `STORE_UNAVAILABLE`, `REGISTRY_CLOSED`
 */
export class StoreClient {
  /** For everything that works with the store. */
  readonly clock: TimerScope;
  readonly random: () => number;
  readonly report: Report;
  readonly #store: Store;
  readonly #onBack: () => void;
  readonly #calls = new Set<() => void>();
  readonly #unlisten: () => void;
  #disarm: () => void = () => undefined;
  #healthy = true;
  #backAt = -Infinity;
  #closed = false;

  /** @param onBack called when an outage is over */
  constructor(store: Store, { clock, random, report }: Runtime, onBack: () => void) {
    this.#store = store;
    this.clock = new TimerScope(clock);
    this.random = random;
    this.report = report;
    this.#onBack = onBack;
    this.#unlisten = store.health((healthy) => {
      this.#disarm();
      if (healthy) this.#succeeded();
      // A call that fails at the same moment knows why.
      else this.#disarm = this.clock.after(0, () => this.#failed(undefined, new Error("The store is away.")));
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a lease that is over means a dead producer: it may only have been cut off from the store, as all were. */
  get canExpireLeases(): boolean {
    return this.#healthy && this.clock.now() >= this.#backAt + LEASE_GRACE;
  }

  /** @param late told of an answer that nobody waits for any more */
  open(id: string, options: StoreOpen, late?: (opened: StoreOpened) => void): Promise<StoreOpened> {
    return this.#call(id, () => this.#store.open(id, options), late);
  }

  append(id: string, append: StoreAppend): Promise<StoreAppended> {
    return this.#call(id, () => this.#store.append(id, append));
  }

  read(id: string, after: StoreCursor | null, limits: PageLimits): Promise<StorePage> {
    return this.#call(id, () => this.#store.read(id, after, limits));
  }

  cancel(id: string, reason: string): Promise<boolean> {
    return this.#call(id, () => this.#store.cancel(id, reason));
  }

  lost(id: string, fence: number, end: StoredEnd): Promise<boolean> {
    return this.#call(id, () => this.#store.lost(id, fence, end));
  }

  delete(id: string): Promise<void> {
    return this.#call(id, () => this.#store.delete(id));
  }

  /** Says a last word that nobody waits for; it may go out behind the close. */
  parting(id: string, append: StoreAppend): void {
    const failed = (error: unknown): void => this.report("failed", { id, stage: "store", error });
    attempt(() => this.#store.append(id, append)).catch(failed);
  }

  close(): void {
    this.#closed = true;
    this.#unlisten();
    this.clock.stop();
    for (const giveUp of this.#calls) giveUp();
  }

  #call<T>(id: string, run: () => Promise<T>, late?: (value: T) => void): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      let over = false;
      const settle = (): void => {
        over = true;
        this.#calls.delete(giveUp);
        disarm();
      };
      const giveUp = (): void => {
        settle();
        reject(closedError());
      };
      const fail = (cause: unknown): void => {
        if (over) return;
        settle();
        this.#failed(id, cause);
        const message = "The store does not answer.";
        reject(new HoldfastError("STORE_UNAVAILABLE", message, { cause, retryable: true }));
      };
      const disarm = this.clock.after(CALL_TIMEOUT, () =>
        fail(new Error(`No answer in ${CALL_TIMEOUT} ms.`)),
      );
      this.#calls.add(giveUp);
      attempt(run).then((value) => {
        if (over) return late?.(value);
        settle();
        this.#succeeded();
        resolve(value);
      }, fail);
    });
  }

  #failed(id: string | undefined, error: unknown): void {
    if (!this.#healthy || this.#closed) return;
    this.#healthy = false;
    this.report("failed", { id, stage: "store", error });
  }

  #succeeded(): void {
    if (this.#healthy || this.#closed) return;
    this.#healthy = true;
    this.#backAt = this.clock.now();
    this.#onBack();
  }
}

/** What is thrown at once is a rejection too. */
async function attempt<T>(run: () => Promise<T>): Promise<T> {
  return run();
}
