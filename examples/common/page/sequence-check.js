/**
 * Counts the events of a job by the numbers in their ids and by the steps in their data. Neither has gaps, so
 * losses and duplicates show.
 */
export class SequenceCheck {
  received = 0;
  missed = 0;
  doubled = 0;
  /** @type {number | undefined} Number of events in the stream; known when it has ended. */
  total;
  #next = 1;

  /** @param {number} seq the number in the event's id @param {number} step the number in the event's data */
  add(seq, step) {
    if (seq < this.#next || step < seq) {
      this.doubled++;
      return;
    }
    this.skipTo(Math.max(seq, step));
    this.received++;
    this.#next = seq + 1;
  }

  /** Counts events before `seq` that have not arrived as missed. @param {number} seq */
  skipTo(seq) {
    this.missed += Math.max(seq - this.#next, 0);
    this.#next = Math.max(seq, this.#next);
  }

  /** @param {number} seq the number of the terminal record, one more than that of the last event */
  end(seq) {
    this.skipTo(seq);
    this.total = seq - 1;
  }

  get isOver() {
    return this.total !== undefined;
  }

  get isComplete() {
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
