import type { Machine } from "../common/machine.ts";

/** The events of a job, by name. */
export interface JobEvents {
  /** `step` starts at 1, like the number in the event id. */
  step: { readonly step: number; readonly of: number };
  done: { readonly steps: number };
}

/** All processes, as they are sent to the page. */
export interface Machines {
  readonly a: Machine;
  readonly b: Machine;
  readonly worker: Machine;
  /** `isOwn`: whether the example started it. Only then it can be flushed. */
  readonly redis: Machine & { readonly isOwn: boolean };
}
