/** A fault planted into core, which the model must find. */
export interface Mutant {
  readonly fault: string;
  readonly file: string;
  readonly sound: string;
  readonly faulty: string;
}

export const mutants: readonly Mutant[] = [
  {
    fault: "a client that resumes skips an event",
    file: "position.ts",
    sound: 'if (id.seq > log.last) return startOver(log, "ahead");',
    faulty:
      'if (id.seq > log.last) return startOver(log, "ahead");\n  if (id.seq < log.last) return at(id.seq + 2);',
  },
  {
    fault: "a slow reader whose next event was forgotten goes on without a word",
    file: "reader.ts",
    sound: "this.#outlet.write(resetFrame(reset, idBefore(log, this.#next), this.#dispatch));",
    faulty: "",
  },
  {
    fault: "the range of a reset is one too small",
    file: "position.ts",
    sound: "lost: [wanted, log.first - 1]",
    faulty: "lost: [wanted + 1, log.first - 1]",
  },
  {
    fault: "`stream.open` carries an id before a reset, so that a cut in between hides the gap",
    file: "opening.ts",
    sound: "joined([open(stream, client, undefined), resetBytes])",
    faulty: "joined([open(stream, client, idBefore(log, next)), resetBytes])",
  },
  {
    fault: "a reader of an ended stream gets its end before what is left to replay",
    file: "reader.ts",
    sound: "} else if (this.#next <= log.last) {",
    faulty: "} else if (this.#next <= log.last && this.#stream.end === undefined) {",
  },
  {
    fault: "a reader that was held is not resumed",
    file: "connection.ts",
    sound: "    this.#sooner();\n    this.pump();",
    faulty: "    this.#sooner();",
  },
  {
    fault: "a client that holds is written to all the same",
    file: "connection.ts",
    sound: "this.#sink !== undefined && !this.#held && !this.latch.closed",
    faulty: "this.#sink !== undefined && !this.latch.closed",
  },
  {
    fault: "pushes of one turn nudge the readers of the first stream only",
    file: "shelf.ts",
    sound: "for (const reader of stream.readers) reader.nudge();",
    faulty: "for (const reader of stream.readers) reader.nudge();\n      return;",
  },
  {
    fault: "the timer of an ended stream forgets the one that took its id",
    file: "shelf.ts",
    sound: "    if (lifetime === undefined) return;\n    lifetime.stop();\n",
    faulty: "",
  },
  {
    fault: "an ended stream is never forgotten",
    file: "lifetime.ts",
    sound: "    this.#cancel = this.#after(this.#options.linger);",
    faulty: "",
  },
  {
    fault: "the abort listener stays after the response",
    file: "connection.ts",
    sound: "    this.#detach();\n",
    faulty: "",
  },
  {
    fault: "a client that leaves while it waits goes on waiting",
    file: "search.ts",
    sound: "      this.#latch.defer(() => waiting.delete(this));\n",
    faulty: "",
  },
  {
    fault: "connections that are over still count",
    file: "crowd.ts",
    sound: "    if (entry.counted) this.#size--;",
    faulty: "",
  },
  {
    fault: "refused clients are counted as connections",
    file: "crowd.ts",
    sound: "return counted && this.#size >= this.#maxConnections",
    faulty: "return counted && this.#size > this.#maxConnections",
  },
  {
    fault: "a zombie is left alone",
    file: "connection.ts",
    sound: 'this.destroy("zombie")',
    faulty: "this.#stuckSince = now",
  },
  {
    fault: "an event is pushed behind the end",
    file: "stream.ts",
    sound: "if (this.#end !== undefined) {\n      throw",
    faulty: "if (this.#end === null) {\n      throw",
  },
  {
    fault: "the terminal record has the id of the last event",
    file: "stream.ts",
    sound: "this.log.last + 1), error",
    faulty: "this.log.last), error",
  },
  {
    fault: "a terminal id is looked up instead of answered with 204",
    file: "answer.ts",
    sound: "if (isTerminal(request.cursor)) return answer(open, 204);",
    faulty: "",
  },
  {
    fault: "a closing registry lets clients in",
    file: "crowd.ts",
    sound: 'if (this.#draining) return "shutdown";',
    faulty: "",
  },
];
