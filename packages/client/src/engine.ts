import type { PublicError } from "@holdfast/core";
import type { Permit } from "./breaker.ts";
import type { StreamReset } from "./control.ts";
import { exchange } from "./exchange.ts";
import type { Asked, Settings } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { watchPageLife } from "./page-life.ts";
import { type Again, createRecovery } from "./recovery.ts";
import { makeRequest, resolveUrl } from "./request.ts";
import { safely } from "./safely.ts";
import type { ConnectionState, StateListener } from "./state.ts";
import { createStreamReader, type Delivery } from "./stream-reader.ts";
import { createWatchdog } from "./watchdog.ts";

/** A connection that has been open for so long is healthy, in ms, whether anything has come or not. */
const HEALTHY_AFTER = 5_000;
/** The shortest silence, in ms, that a server can make its clients take for a loss. */
const SHORTEST_IDLE_TIMEOUT = 1_000;

/**
 * A stream that is held on to. Leaving a loop over it closes it.
 */
export interface Connection<T> extends AsyncIterableIterator<T, undefined, void>, Disposable {
  /** What it is about now. The same object until something changes. */
  readonly state: ConnectionState;
  /** The cursor: the last id of what was taken from the iterator, for `lastEventId` of another connection. */
  readonly lastEventId: string;
  /** Calls `listener` whenever `state` has changed. Returns how to stop. Needs no `this`: fit for `useSyncExternalStore`. */
  readonly subscribe: (listener: StateListener) => () => void;
  /**
   * Connects anew at once, with the same cursor; also after a failure: then it can be iterated over again. Does nothing
   * when the stream is over, or the connection closed.
   */
  readonly reconnect: () => void;
  /** Ends it for good: who waits for the next message is told that there is none, and nothing is called behind it. */
  readonly close: () => void;
  /**
   * What comes next, pulled: behind the first event, who does not ask for the next does not have it sent.
   *
   * @throws `ConnectionError`, once, if the connection is over for good and the stream has not come whole
   */
  readonly next: () => Promise<IteratorResult<T, undefined>>;
  /** Closes it: called by a loop that is left. */
  readonly return: () => Promise<IteratorResult<T, undefined>>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Something to hand out, or nothing. What it throws is the end. */
export type Convert<T> = (delivery: Delivery) => T | undefined | Promise<T | undefined>;

/**
 * What keeps a connection: attempts, one after the other, until the stream is over or there is no hope. Everything is
 * done by one generator, so that nothing is read that nobody waits for.
 *
 * @throws TypeError
 */
export function hold<T extends { readonly id: string }>(
  url: Asked<string | URL>,
  settings: Settings,
  convert: Convert<T>,
): Connection<T> {
  const { breaker, clock, idleTimeout, lastEventId, onReset, onServerError, resilient, signal } = settings;
  for (const fixed of [url, settings.resumeUrl ?? url]) {
    if (typeof fixed !== "function") resolveUrl(fixed);
  }

  const listeners = new Set<StateListener>();
  const recovery = createRecovery(settings);
  const reader = createStreamReader(settings, succeed);
  const watchdog = createWatchdog(clock, (slept) => {
    if (slept) interrupt("woken");
    else attempt.abort({ reason: "stalled", message: "Nothing was heard." } satisfies Outcome);
  });

  /** Aborts with its outcome. */
  let attempt = new AbortController();
  /** Ends the wait for the next attempt. */
  let hurry: (() => void) | undefined;
  let permit: Permit | undefined;
  /** Whether a request may have been carried out already. */
  let resumes = false;
  /** Aborts when it runs no more. */
  let life = new AbortController();
  let isClosed = false;
  let generator: AsyncGenerator<T, undefined, void>;
  /** The first result, for which nobody needs to ask. */
  let first: Promise<IteratorResult<T, undefined>> | undefined;

  function set(state: ConnectionState): void {
    connection.state = state;
    for (const listener of listeners) safely(() => listener(state));
  }

  /** The connection is healthy. */
  function succeed(): void {
    recovery.forget();
    permit?.(true);
  }

  /** Ends the attempt, or the wait for the next one. */
  function interrupt(reason: string): void {
    attempt.abort({ action: "renew", reason, message: "" } satisfies Outcome);
    hurry?.();
  }

  function start(): void {
    life = new AbortController();
    if (resilient) {
      watchPageLife(() => {
        watchdog.suspect();
        // In another state there is no wait, and nothing to hurry.
        if (!(connection.state as Partial<Again>).isAsked) hurry?.();
      }, life.signal);
    }
    signal?.addEventListener("abort", connection.close, { signal: life.signal });
    generator = run();
    first = generator.next();
    // Who asks for it hears of it, and everybody by the state.
    first.catch(() => undefined);
  }

  function finish(reason: "done" | "closed" | "failed", error?: unknown): void {
    if (life.signal.aborted) return;
    life.abort();
    set({ status: "closed", reason, error });
  }

  async function* run(): AsyncGenerator<T, undefined, void> {
    try {
      while (!isClosed) {
        attempt = new AbortController();
        set({ status: "connecting", attempt: recovery.begin() });
        permit = await breaker?.enter(life.signal);
        // Whoever is told, or comes while it waits for leave, may end it.
        if (!attempt.signal.aborted) yield* tryOnce(attempt);
        if (isClosed) break;
        const outcome = reader.judge(attempt.signal.reason as Outcome);
        // Of these two it is known that nothing was done.
        resumes ||= !["unauthorized", "request"].includes(outcome.reason);
        const again = recovery.decide(outcome, reader.retry);
        permit?.(again?.message ? false : undefined);
        if (again === undefined) {
          finish("done");
          return;
        }
        await wait(again);
      }
      permit?.();
    } catch (error) {
      attempt.abort();
      permit?.();
      // Nobody asked for what was read and not handed out.
      reader.cursor = connection.lastEventId;
      if (isClosed) return;
      // Who is told may begin anew: behind this line nothing is this run's.
      finish("failed", error);
      throw error;
    }
  }

  async function* tryOnce(current: AbortController): AsyncGenerator<T, undefined, void> {
    let read: ((bytes: Uint8Array) => Delivery[]) | undefined;
    const response = exchange(
      current,
      settings,
      watchdog,
      () => makeRequest(url, settings, reader.cursor, resumes, current.signal),
      (from) => {
        current.signal.addEventListener("abort", clock.after(HEALTHY_AFTER, succeed));
        read = reader.open(current, from);
        set({ status: "open" });
      },
      () => idleTimeout ?? Math.max(3 * reader.heartbeat, SHORTEST_IDLE_TIMEOUT),
    );
    for await (const bytes of response) {
      for (const delivery of read?.(bytes) ?? []) {
        tell(delivery);
        const value = await convert(delivery);
        if (isClosed) return;
        if (value === undefined) connection.lastEventId = delivery.id;
        else yield value;
      }
      // Behind it may stand a block that has only an `id:`.
      connection.lastEventId = reader.cursor;
    }
  }

  /** Tells what a control event says. */
  function tell({ control, event }: Delivery): void {
    if (control === undefined) return;
    if (event === "stream.reset") safely(() => onReset?.(control as StreamReset));
    if (event === "stream.error") safely(() => onServerError?.(control as PublicError));
    if (attempt.signal.aborted) return;
    if (event === "stream.live") set({ status: "live" });
    else if (event === "stream.open") {
      set({ status: control.state === "waiting" ? "waiting" : "replaying" });
    }
  }

  async function wait(again: Again): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = clock.after(again.delay, resolve);
      hurry = () => {
        cancel();
        resolve();
      };
      set({ status: "retrying", ...again });
    });
  }

  const over = { done: true, value: undefined } as const;
  const connection: Mutable<Connection<T>> = {
    state: { status: "connecting", attempt: 1 },
    lastEventId,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    reconnect() {
      const { state } = connection;
      if (state.status === "closed" && state.reason !== "failed") return;
      recovery.forget();
      if (state.status === "closed") start();
      else interrupt("reconnect");
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      finish("closed");
      listeners.clear();
      interrupt("closed");
    },
    async next() {
      if (isClosed) return over;
      const pending = first ?? generator.next();
      first = undefined;
      const { value } = await pending;
      if (isClosed || value === undefined) return over;
      connection.lastEventId = value.id;
      return { done: false, value };
    },
    async return() {
      connection.close();
      return over;
    },
    [Symbol.asyncIterator]: () => connection,
    [Symbol.dispose]: () => connection.close(),
  };
  if (signal?.aborted === true) connection.close();
  else start();
  return connection;
}
