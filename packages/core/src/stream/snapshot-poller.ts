import { backoff } from "../base/backoff.ts";
import { bridgeAbort } from "../base/abort-bridge.ts";
import { HoldfastError } from "../base/errors.ts";
import { KeyedPoller } from "../base/keyed-poller.ts";
import { type LimitedTask, Limiter } from "../base/limiter.ts";
import type { AnyEvents } from "../protocol/event.ts";
import type { Runtime } from "../protocol/runtime.ts";
import { type AskSnapshot, type MaybeSnapshot, readSnapshot, type SnapshotResult } from "./snapshot.ts";
import type { ByteBudget, SharedMemory } from "./snapshot-memory.ts";

/** The result of a look-up in the service's database; `unknown` when it failed. */
export type SnapshotOutcome = SnapshotResult | { readonly state: "unknown"; readonly error: HoldfastError };

export interface SnapshotPollerOptions {
  readonly runtime: Runtime;
  /** After how many ms a call has failed. */
  readonly timeout: number;
  /** Whether the stream is in this process, or can be started here. */
  readonly isHere: (id: string) => boolean;
  /** Counts the results that are in memory. */
  readonly memory: ByteBudget;
}

/** How many calls run at once, and for how long a cancelled call that does not settle takes its place, in ms. */
const CALLS = { concurrency: 16, abandonAfter: 2_000 };
/** How long a result serves new clients, in ms, unless it says that there is no such stream: there may be one by now. */
const KEEP_FOR = 2_000;
/** How long after a result those who still wait have it asked again, +-20 %, in ms. */
const POLL_INTERVAL = 2_000;

export interface SnapshotJoinOptions {
  /** Asks anew, and passes on no earlier result. */
  readonly isFresh?: boolean;
  /** On whose behalf: look-ups are made for each in turn. */
  readonly group?: string | undefined;
}

/** Those who wait for one id. */
interface Waiting {
  readonly members: Set<Pick<SnapshotJoinOptions, "group">>;
  /** The last call for them. */
  call: LimitedTask | undefined;
}

interface LookupState {
  failures: number;
  /** Whether the observer was told that the stream is running, but not in this process. */
  isWarned: boolean;
  /** Lets go of the last result. */
  release: () => void;
}

/**
 * Looks streams up in the service's own database: one call at a time per id for all its clients, repeated while they wait,
 * with back-off while it fails.
 */
export class SnapshotPoller {
  readonly #ask: AskSnapshot<AnyEvents>;
  readonly #options: SnapshotPollerOptions;
  readonly #delay = backoff();
  readonly #calls: Limiter;
  readonly #poller: KeyedPoller<SnapshotOutcome, LookupState>;
  readonly #waiting = new Map<string, Waiting>();

  constructor(ask: AskSnapshot<AnyEvents>, options: SnapshotPollerOptions) {
    const { clock, random } = options.runtime;
    this.#ask = ask;
    this.#options = options;
    this.#calls = new Limiter({ clock, ...CALLS });
    this.#poller = new KeyedPoller({
      clock,
      createState: (): LookupState => ({ failures: 0, isWarned: false, release: () => undefined }),
      deleteState: ({ release }) => release(),
      call: (id, state, onResult) => {
        const run = async (signal: AbortSignal): Promise<void> => {
          const outcome = await this.#call(id, state, signal);
          if (signal.aborted) return;
          this.#warnIfElsewhere(id, state, outcome);
          onResult(this.#hold(id, state, outcome));
        };
        const waiting = this.#waiting.get(id) as Waiting;
        const call = this.#calls.add(
          run,
          Array.from(waiting.members, ({ group }) => group),
        );
        waiting.call = call;
        return () => call.cancel();
      },
      interval: (outcome) =>
        (outcome.state === "unknown" ? outcome.error.retryAfter : undefined) ??
        POLL_INTERVAL * (0.8 + 0.4 * random()),
      keepFor: KEEP_FOR,
      isLasting: ({ state }) => state !== "gone",
    });
  }

  /**
   * Calls `listener` with each result from now on, at once if one is kept. That there is no such stream counts only if it
   * was asked for after the call. Returns how to leave (idempotent).
   */
  join(
    id: string,
    listener: (outcome: SnapshotOutcome) => void,
    { isFresh, group }: SnapshotJoinOptions = {},
  ): () => void {
    const waiting = this.#waiting.get(id) ?? { members: new Set(), call: undefined };
    const member = { group };
    this.#waiting.set(id, waiting);
    waiting.members.add(member);
    waiting.call?.addGroup(group);
    const leave = this.#poller.join(id, listener, isFresh);
    return () => {
      leave();
      if (waiting.members.delete(member) && waiting.members.size === 0) this.#waiting.delete(id);
    };
  }

  /** Whether a look-up is under way. */
  isAsking(id: string): boolean {
    return this.#poller.isCalling(id);
  }

  /** Forgets all results. There MUST be no listeners. */
  clear(): void {
    this.#poller.clear();
  }

  async #call(id: string, state: LookupState, signal: AbortSignal): Promise<SnapshotOutcome> {
    try {
      const result = readSnapshot(id, await this.#askInTime(id, signal), this.#options.memory);
      state.failures = 0;
      return result;
    } catch (cause) {
      return this.#failed(id, state, cause, signal.aborted);
    }
  }

  /** Aborts the signal of a call that takes too long, and does not wait for it any more. */
  #askInTime(id: string, signal: AbortSignal): Promise<MaybeSnapshot<AnyEvents>> {
    const { runtime, timeout } = this.#options;
    const controller = new AbortController();
    return new Promise((resolve, reject) => {
      const cancelTimer = runtime.clock.after(timeout, () => {
        const error = new Error(`There was no answer within ${timeout} ms.`);
        controller.abort(error);
        reject(error);
      });
      const abort = (reason: unknown): void => {
        cancelTimer();
        controller.abort(reason);
      };
      const removeListener = bridgeAbort(signal, { abort });
      const stop = (): void => {
        cancelTimer();
        removeListener();
      };
      const onError = (error: unknown): void => {
        stop();
        reject(error);
      };
      try {
        Promise.resolve(this.#ask(id, { signal: controller.signal })).then((snapshot) => {
          stop();
          resolve(snapshot);
        }, onError);
      } catch (error) {
        onError(error);
      }
    });
  }

  #failed(id: string, state: LookupState, cause: unknown, isSilent = false): SnapshotOutcome {
    const { random, report } = this.#options.runtime;
    if (!isSilent) report("failed", { id, stage: "snapshot", error: cause });
    const retryAfter = Math.round(this.#delay(state.failures++, random()));
    const message = "The stream could not be looked up.";
    const error = new HoldfastError("SNAPSHOT_FAILED", message, { cause, retryable: true, retryAfter });
    return { state: "unknown", error };
  }

  /** Counts a result for as long as it may be given to clients. If there is no room for it, the look-up has failed. */
  #hold(id: string, state: LookupState, outcome: SnapshotOutcome): SnapshotOutcome {
    state.release();
    state.release = () => undefined;
    const memory = memoryOf(outcome);
    if (memory === undefined) return outcome;
    let release = memory.hold();
    if (release === undefined) {
      this.#poller.dropUnused();
      release = memory.hold();
    }
    if (release === undefined) return this.#failed(id, state, fullError());
    state.release = release;
    return outcome;
  }

  #warnIfElsewhere(id: string, lookup: LookupState, { state }: SnapshotOutcome): void {
    if (state !== "running" || lookup.isWarned || this.#options.isHere(id)) return;
    lookup.isWarned = true;
    const message = "The stream is said to run, but it is not in this process.";
    this.#options.runtime.report("warned", { id, message });
  }
}

function memoryOf(outcome: SnapshotOutcome): SharedMemory | undefined {
  if (outcome.state === "running") return outcome.prefix?.memory;
  return outcome.state === "finished" ? outcome.memory : undefined;
}

function fullError(): HoldfastError {
  return new HoldfastError("LIMIT_EXCEEDED", "There is no room for the snapshot.", { retryable: true });
}
