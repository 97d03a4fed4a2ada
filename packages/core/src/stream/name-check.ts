import type { Report } from "../protocol/observer.ts";

/**
 * Warns once of events named `error` or `open`. An `EventSource` dispatches events of these names for its connection, and
 * listeners get both.
 */
export class NameCheck {
  readonly #report: Report;
  #hasWarned = false;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Called for every push. */
  check(id: string, name: string | undefined): void {
    if (name === "error" || name === "open") this.#warn(id, name);
  }

  #warn(id: string, name: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const message = `An event is named "${name}". An \`EventSource\` has events of this name for its connection, and its listeners get both: choose another name.`;
    this.#report("warned", { id, message });
  }
}
