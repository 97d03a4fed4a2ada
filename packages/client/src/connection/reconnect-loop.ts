import { callSafely } from "../base/call-safely.ts";
import { onPageResume } from "../base/page-resume.ts";
import { createWatchdog, type Watchdog } from "../request/watchdog.ts";
import type { Attempt } from "../retry/attempt.ts";
import type { Permit } from "../retry/breaker.ts";
import { type Again, createRetryPlanner } from "../retry/retry-planner.ts";
import type { Batch, Delivery, ResponseReader, StreamReader } from "../stream/stream-reader.ts";
import type { Settings } from "./options.ts";
import type { StateListener } from "./state.ts";

/** A connection that has been open for this long, in ms, is healthy, even if nothing has arrived. */
const HEALTHY_AFTER = 5_000;
/** A loss within this time of a wake, in ms, is one of the connections that died meanwhile. */
const WAKE_WINDOW = 2_000;

/** Converts an event to what the application receives. `undefined` leaves the event out; an error ends the loop. */
export type Convert<T> = (delivery: Delivery) => T | undefined | Promise<T | undefined>;

/** One attempt of a loop, for its transport. */
export interface TransportRequest {
  readonly attempt: Attempt;
  readonly reader: StreamReader;
  /** Ends the attempt when nothing has come for as long as it is started with. */
  readonly watchdog: Watchdog;
  /** Whether the server may have processed a request already. */
  readonly isResumption: boolean;
  /** MUST be called when the response has begun. Returns what takes its blocks. */
  readonly open: (url: string) => ResponseReader;
  readonly setState: StateListener;
}

/** Where the responses of a loop come from: a server, or a connection that several loops share. */
export interface Transport {
  /** See `createStreamReader`. */
  createReader(onActivity: () => void, onProgress: () => void): StreamReader;
  /**
   * What one response holds, piece by piece. It ends with the attempt, and ends the attempt with a loss if the request or
   * the response is lost.
   */
  read(request: TransportRequest): AsyncGenerator<Batch, void, void>;
}

/** Reads the stream in one attempt after another, until it is done or there is no point in retrying. */
export interface ReconnectLoop<T> {
  /** The cursor after the last event that the application has taken or that was left out. */
  lastEventId: string;
  /**
   * Runs until the stream is done, the loop fails, or `lifetime` aborts. After a failure it can run again, with the
   * cursor.
   *
   * @throws ConnectionError if the stream is not complete; what a function among the options throws
   */
  run(lifetime: AbortSignal): AsyncGenerator<T, void, void>;
  /** Forgets the failures, and makes a new attempt at once. */
  reconnect(): void;
  /** Ends the attempt, or the delay before the next one, which follows at once. */
  interrupt(reason: string): void;
}

/**
 * @param setState called at each change of the state while the loop runs
 * @param finish called when the loop has ended by itself, before its last result: it MUST abort the lifetime
 */
export function createReconnectLoop<T extends object>(
  settings: Settings,
  transport: Transport,
  convert: Convert<T>,
  setState: StateListener,
  finish: (reason: "done" | "failed", error?: unknown) => void,
): ReconnectLoop<T> {
  const { clock, onReset, onServerError } = settings;
  const planner = createRetryPlanner(settings);
  const reader = transport.createReader(() => permit?.(true), markHealthy);
  const watchdog = createWatchdog(clock, (isSuspended) => {
    if (isSuspended) {
      wokenAt = clock.now();
      interrupt("woken");
    } else attempt.abort({ reason: "stalled", message: "The server was silent." });
  });
  let attempt: Attempt = new AbortController();
  let again: Again | undefined;
  let skipDelay: (() => void) | undefined;
  let permit: Permit | undefined;
  /** Whether the server may have processed a request already. */
  let isResumption = false;
  /** When the machine, the page or its network came back. Each wake makes one attempt immediate. */
  let wokenAt = -Infinity;

  function markHealthy(): void {
    planner.reset();
    permit?.(true);
  }

  function interrupt(reason: string): void {
    attempt.abort({ type: "interrupt", reason });
    skipDelay?.();
  }

  async function* run(lifetime: AbortSignal): AsyncGenerator<T, void, void> {
    planner.reset();
    // Events that were read but not taken before a failure are requested again.
    reader.cursor = loop.lastEventId;
    lifetime.addEventListener("abort", () => interrupt("closed"));
    if (settings.resilient) {
      onPageResume(() => {
        wokenAt = clock.now();
        watchdog.check();
        if (!again?.isAsked) skipDelay?.();
      }, lifetime);
    }
    try {
      while (!lifetime.aborted) {
        attempt = new AbortController();
        const { signal } = attempt;
        setState({ status: "connecting", attempt: planner.start() });
        permit = await settings.breaker?.enter(lifetime);
        // It may have been interrupted meanwhile.
        if (!signal.aborted) yield* read(lifetime);
        if (lifetime.aborted || !signal.reason) return;
        const outcome = reader.conclude(signal.reason);
        // After these two, the server has certainly not processed the request.
        isResumption ||= outcome.type === "drain" || !["unauthorized", "request"].includes(outcome.reason);
        again = planner.next(outcome, reader.retry, clock.now() - wokenAt <= WAKE_WINDOW);
        wokenAt = -Infinity;
        if (!again) return finish("done");
        permit?.(outcome.type ? undefined : false);
        await wait(again);
      }
    } catch (error) {
      if (lifetime.aborted) return;
      // A listener may start the loop again: after this line, nothing belongs to this run.
      finish("failed", error);
      throw error;
    } finally {
      permit?.();
    }
  }

  async function* read(lifetime: AbortSignal): AsyncGenerator<T, void, void> {
    const { signal } = attempt;
    const open = (url: string): ResponseReader => {
      signal.addEventListener("abort", clock.after(HEALTHY_AFTER, markHealthy));
      planner.open();
      setState({ status: "open" });
      return reader.open(attempt, url);
    };
    const batches = transport.read({ attempt, reader, watchdog, isResumption, open, setState });
    for await (const { cursor, deliveries, signal: response } of batches) {
      for (const delivery of deliveries) {
        const { error, reset, status } = delivery;
        if (reset) callSafely(() => onReset?.(reset));
        if (error) callSafely(() => onServerError?.(error));
        if (status && !signal.aborted && !response.aborted) setState({ status });
        const value = await convert(delivery);
        if (lifetime.aborted) return;
        if (value) yield value;
        else loop.lastEventId = delivery.id;
      }
      loop.lastEventId = cursor;
    }
  }

  async function wait(next: Again): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = clock.after(next.delay, resolve);
      skipDelay = () => {
        wokenAt = -Infinity;
        cancel();
        resolve();
      };
      setState({ status: "retrying", ...next });
    });
    skipDelay = undefined;
  }

  const loop: ReconnectLoop<T> = {
    lastEventId: settings.lastEventId,
    run,
    interrupt,
    reconnect() {
      planner.reset();
      interrupt("reconnect");
    },
  };
  return loop;
}
