import { count, format } from "./format.js";

/** Counts the events of a stream by the numbers in their ids, which have no gaps, so losses and duplicates show. */
export class SequenceCheck {
  received = 0;
  missed = 0;
  doubled = 0;
  /** @type {number | undefined} Number of events in the stream; known when it has ended. */
  total;
  /** @type {{ kind: "live" | "replayed" | "missed", events: number }[]} How the events arrived, in order. */
  runs = [];
  #next = 1;

  /** @param {number} seq @param {"live" | "replayed"} kind */
  add(seq, kind) {
    if (seq < this.#next) {
      this.doubled++;
      return;
    }
    this.skipTo(seq);
    this.received++;
    this.#next = seq + 1;
    this.#addRun(kind, 1);
  }

  /** Counts events before `seq` that have not arrived as missed. @param {number} seq */
  skipTo(seq) {
    const gap = seq - this.#next;
    if (gap <= 0) return;
    this.missed += gap;
    this.#next = seq;
    this.#addRun("missed", gap);
  }

  /** @param {number} seq the number of the terminal record, one more than that of the last event */
  end(seq) {
    this.skipTo(seq);
    this.total = seq - 1;
  }

  get isComplete() {
    return this.missed === 0 && this.doubled === 0;
  }

  toString() {
    const { received, missed, doubled, total } = this;
    const events =
      total === undefined ? count(received, "event") : `${format(received)} of ${count(total, "event")}`;
    return `${events}, ${format(missed)} missed, ${format(doubled)} doubled`;
  }

  /** @param {"live" | "replayed" | "missed"} kind @param {number} events */
  #addRun(kind, events) {
    const last = this.runs.at(-1);
    if (last?.kind === kind) last.events += events;
    else this.runs.push({ kind, events });
  }
}
