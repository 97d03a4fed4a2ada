/** An interruption of a stream, which waits for another producer: until when, and what ends it before. */
export class SimulatedInterruption {
  readonly since: number;
  readonly #window: number;
  readonly #idle: number;
  /** Between these times the window is over. They differ after an answer of the database that may count or not. */
  #endsAfter: number;
  #endsBefore: number;
  /** The statuses of the results that the database has given. */
  readonly #results = new Set<string>();
  #isFinished = false;

  /** @param idle how long it may last at most, however often it is prolonged, in ms */
  constructor(since: number, window: number, idle: number) {
    this.since = since;
    this.#window = window;
    this.#idle = idle;
    this.#endsAfter = since + window;
    this.#endsBefore = since + window;
  }

  /** Whether one of the results must have ended it. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /**
   * The database has answered, with the state of its row.
   *
   * @param isCertain whether the readers of the stream waited for the answer all the time, so that it counts
   */
  onAnswer(state: string, now: number, isCertain: boolean): void {
    if (state === "running" || state === "pending") {
      this.#endsBefore = Math.max(now, Math.min(now + this.#window, this.since + this.#idle));
      if (isCertain) this.#endsAfter = this.#endsBefore;
    } else {
      this.#results.add(state);
      if (isCertain) this.#isFinished = true;
    }
  }

  /** Whether the window may be over. */
  mayBeOver(now: number): boolean {
    return now >= this.#endsAfter;
  }

  /** Whether the window is over for certain. */
  isOver(now: number): boolean {
    return now > this.#endsBefore;
  }

  /** Whether the database has a result with this status. */
  hasResult(status: string): boolean {
    return this.#results.has(status);
  }
}
