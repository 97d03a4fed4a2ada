import type { Clock } from "../base/clock.ts";

/** The time that a closing registry gives the streams that are produced here. Later calls can only shorten it. */
export class GracePeriod {
  readonly #clock: Clock;
  #endsAt = Infinity;
  #cancelTimer: () => void = () => undefined;
  #resolve: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOver(): boolean {
    return this.#clock.now() >= this.#endsAt;
  }

  /** It ends in `ms` or sooner. */
  limit(ms: number): void {
    const endsAt = this.#clock.now() + ms;
    if (endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    this.#cancelTimer();
    if (ms > 0) this.#cancelTimer = this.#clock.after(ms, () => this.end());
    else this.end();
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#endsAt = this.#clock.now();
    this.#cancelTimer();
    this.#resolve();
  }

  /** Resolves when it is over. Called once. */
  wait(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
}
