import type { AloneApi } from "../harness/alone.ts";
import { startChild } from "../harness/child.ts";
import type { Run, Scale } from "../harness/workload.ts";
import { inside } from "../inside/index.ts";

/** A run of subjects that need no network, each in a fresh process. */
export function runAlone(group: keyof typeof inside, scale: Scale): Run {
  return {
    subjects: Object.keys(inside[group]),
    rounds: scale.rounds(2),
    async measure(subject) {
      const child = startChild<AloneApi>(new URL("../harness/alone.ts", import.meta.url), 0);
      try {
        return await child.remote.measure(group, subject);
      } finally {
        await child.stop();
      }
    },
  };
}
