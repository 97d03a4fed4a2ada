const numbers = new Intl.NumberFormat("en");

/** Counts what a tab has received, and what is missing or came twice, by the numbers of the events. */
export class NumberCheck {
  received = 0;
  missed = 0;
  doubled = 0;
  /** @type {Map<string, number>} The last number of each stream, and of each value. */
  #last = new Map();

  /**
   * An event of a stream that has no gaps.
   *
   * @param {string} stream
   * @param {number} number
   * @param {number} [first] the number that the stream begins with; without it, whatever comes first
   */
  addNext(stream, number, first = number) {
    const next = (this.#last.get(stream) ?? first - 1) + 1;
    this.missed += Math.max(0, number - next);
    this.addValue(stream, number);
  }

  /**
   * The end of a stream.
   *
   * @param {string} stream
   * @param {number} last the number of its last event
   */
  addEnd(stream, last) {
    this.missed += last - (this.#last.get(stream) ?? 0);
  }

  /**
   * A value, of which only the newest counts.
   *
   * @param {string} name
   * @param {number} number
   */
  addValue(name, number) {
    this.received++;
    if (number <= (this.#last.get(name) ?? 0)) this.doubled++;
    else this.#last.set(name, number);
  }

  toString() {
    return describeCounts(this);
  }
}

/** @param {{ readonly received: number, readonly missed: number, readonly doubled: number }} counts */
export function describeCounts({ received, missed, doubled }) {
  const [all, some, twice] = [received, missed, doubled].map((count) => numbers.format(count));
  return `${all} events, ${some} missed, ${twice} doubled`;
}
