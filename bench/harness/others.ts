import { cpus } from "node:os";

/** How long the machine's cores were busy, over all of them, in microseconds. */
export function busy(): number {
  let sum = 0;
  for (const { times } of cpus()) sum += times.user + times.nice + times.sys + times.irq;
  return sum * 1e3;
}
