import { cpus } from "node:os";

/** Busy time of the machine, summed over all cores, in microseconds. */
export function machineCpuTime(): number {
  let sum = 0;
  for (const { times } of cpus()) sum += times.user + times.nice + times.sys + times.irq;
  return sum * 1e3;
}
