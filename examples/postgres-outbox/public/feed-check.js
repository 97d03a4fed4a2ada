/** @import { Ledger } from "../events.ts" */
import { format, SequenceCheck } from "../../common/page/sequence-check.js";

/**
 * Compares the events of the feed with what Postgres has committed. The numbers in the ids show what a reader has lost, and the
 * count of Postgres what has never reached the feed, or should not have.
 */
export class FeedCheck extends SequenceCheck {
  #attempts = new Set();
  /** @type {Ledger | undefined} Only while it is settled, and nothing has arrived since. */
  #settled;

  /** @override @param {number} seq the number in the event's id @param {number} attempt the number of its transaction */
  add(seq, attempt) {
    this.#settled = undefined;
    const { received } = this;
    super.add(seq, seq);
    if (this.received > received && this.#attempts.has(attempt)) {
      this.received--;
      this.doubled++;
    }
    this.#attempts.add(attempt);
  }

  /** @param {Ledger} ledger */
  compare(ledger) {
    this.#settled = ledger.isSettled ? ledger : undefined;
  }

  /** Committed, but not in the feed. */
  get #absent() {
    return this.#settled === undefined
      ? 0
      : Math.max(0, this.#settled.committed - this.received - this.missed);
  }

  /** In the feed, but not committed. */
  get #invented() {
    return this.#settled === undefined ? 0 : Math.max(0, this.received - this.#settled.committed);
  }

  /** Everything that is committed should have arrived. @override */
  get isOver() {
    return this.#settled !== undefined;
  }

  /** @override */
  get isComplete() {
    return super.isComplete && this.#absent === 0 && this.#invented === 0;
  }

  get verdict() {
    if (this.#invented > 0) return `${format(this.#invented)} of these were never committed.`;
    if (!this.isComplete) return "Events are missing or came twice.";
    return this.isOver ? "Every committed event arrived once, and no other." : "";
  }

  /** @override */
  toString() {
    const missed = this.missed + this.#absent;
    return `${format(this.received)} shown, ${format(missed)} missed, ${format(this.doubled)} doubled`;
  }
}
