// Tested by test/registry/waiting.test.ts.

import type { Report } from "../protocol/observer.ts";

/**
 * Warns of a client that has waited in vain for a stream that nobody has opened: its id may be wrong, and the client waits
 * for ever. Once for a registry, since clients choose the ids, and remembering all of them would have no limit.
 */
export class UnopenedCheck {
  readonly #report: Report;
  #hasWarned = false;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Called when a client that has no cursor of the stream has waited for `wait`. */
  check(id: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message =
      "A client has waited for this stream in vain: nobody has opened it. If the id is wrong, the client waits for ever: refuse such ids before `sse`, or tell the registry by a `snapshot` which streams exist.";
    this.#report("warned", { id, message });
  }
}
