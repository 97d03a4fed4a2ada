/** The events of a job, by name. */
export interface JobEvents {
  /** `step` starts at 1, like the number in the event id. */
  step: { readonly step: number; readonly of: number };
  done: { readonly steps: number };
}

/** A process of this example, or its Redis. */
export interface Machine {
  readonly status: "starting" | "running" | "dead";
  readonly pid: number | undefined;
  /** Where it listens; `undefined` for the worker. */
  readonly url: string | undefined;
}

/** All processes, as they are sent to the page. */
export interface Machines {
  readonly a: Machine;
  readonly b: Machine;
  readonly worker: Machine;
  /** `isOwn`: whether the example started it. Only then it can be flushed. */
  readonly redis: Machine & { readonly isOwn: boolean };
}
