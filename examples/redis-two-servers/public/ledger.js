/**
 * Keeps count of a job's events by the numbers in their ids, which run from 1 without a gap, and by what they hold,
 * which does so too: whatever is missed or comes twice shows.
 */
export class Ledger {
  received = 0;
  missed = 0;
  doubled = 0;
  /** @type {number | undefined} How many events there were; known when the stream has ended. */
  total;
  #next = 1;

  /** @param {number} seq @param {number} step what the event says of itself */
  take(seq, step) {
    if (seq < this.#next || step < seq) {
      this.doubled++;
      return;
    }
    this.skipTo(Math.max(seq, step));
    this.received++;
    this.#next = seq + 1;
  }

  /** Whatever has not come before `seq` will not come. @param {number} seq */
  skipTo(seq) {
    this.missed += Math.max(seq - this.#next, 0);
    this.#next = Math.max(seq, this.#next);
  }

  /** @param {number} seq the number of the terminal record, which stands behind the last event */
  end(seq) {
    this.skipTo(seq);
    this.total = seq - 1;
  }

  get isWhole() {
    return this.missed === 0 && this.doubled === 0;
  }

  toString() {
    const { received, missed, doubled, total } = this;
    const events = total === undefined ? format(received) : `${format(received)} of ${format(total)}`;
    return `${events} events, ${format(missed)} missed, ${format(doubled)} doubled`;
  }
}

const numbers = new Intl.NumberFormat("en");

/** @param {number} value */
export function format(value) {
  return numbers.format(value);
}
