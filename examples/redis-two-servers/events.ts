/** What a job tells, by event name. */
export interface JobEvents {
  /** `step` counts from 1, as the events' own numbers do. */
  step: { readonly step: number; readonly of: number };
  done: { readonly steps: number };
}

/** A process of this example, or its Redis. */
export interface Machine {
  readonly status: "starting" | "running" | "dead";
  readonly pid: number | undefined;
  /** Where it listens; a worker does not. */
  readonly url: string | undefined;
}

/** What runs, as the page is told. */
export interface Machines {
  readonly a: Machine;
  readonly b: Machine;
  readonly worker: Machine;
  /** Only a Redis of this example's own is flushed. */
  readonly redis: Machine & { readonly isOwn: boolean };
}
