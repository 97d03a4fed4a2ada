/** A process of an example, as its page shows it. */
export interface Machine {
  readonly status: "starting" | "running" | "dead";
  readonly pid: number | undefined;
  /** Where it listens; `undefined` for a process without an address. */
  readonly url: string | undefined;
}
