import type { Timers } from "../base/clock.ts";
import { onPageResume } from "../base/page-resume.ts";

// Tested by test/tabs.

/** How often a visible follower asks whether the leader lives, in ms. */
const PING_INTERVAL = 1_000;
/** How long it waits for the answer, in ms. */
const PONG_TIMEOUT = 1_500;
/** Who notices the end of that time so much later, in ms, did not run itself, and may have the answer in its queue. */
const MAX_LATE = 500;

export interface WatchHandlers {
  /** Whether this tab may judge the leader. Not a hidden one: its timers are late. */
  readonly isJudge: () => boolean;
  readonly ping: () => void;
  readonly onSilence: () => void;
}

/** Finds out that the leader does not run any more, although it has its lock still. */
export class LeaderWatch {
  readonly #clock: Timers;
  readonly #handlers: WatchHandlers;
  #cancelPing: (() => void) | undefined;
  #cancelWait: (() => void) | undefined;

  constructor(clock: Timers, handlers: WatchHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  /** Watches until `signal` aborts. */
  start(signal: AbortSignal): void {
    this.#schedule();
    onPageResume(() => this.#judge(), signal);
    signal.addEventListener("abort", () => {
      this.#cancelPing?.();
      this.hear();
    });
  }

  /** The leader has said something. */
  hear(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
  }

  #schedule(): void {
    this.#cancelPing = this.#clock.after(PING_INTERVAL, () => {
      this.#judge();
      this.#schedule();
    });
  }

  #judge(): void {
    if (this.#cancelWait || !this.#handlers.isJudge()) return;
    const start = this.#clock.now();
    this.#handlers.ping();
    this.#cancelWait = this.#clock.after(PONG_TIMEOUT, () => {
      this.#cancelWait = undefined;
      if (this.#clock.now() - start > PONG_TIMEOUT + MAX_LATE) return this.#judge();
      if (this.#handlers.isJudge()) this.#handlers.onSilence();
    });
  }
}
