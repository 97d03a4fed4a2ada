import { startChild } from "../harness/child.ts";
import type { MicroApi } from "../harness/micro-process.ts";
import type { Scenario, Settings } from "../harness/workload.ts";
import { microbenchmarks } from "../micro/index.ts";

/** A scenario of microbenchmarks: no network, each subject in a fresh process. */
export function microScenario(group: keyof typeof microbenchmarks, settings: Settings): Scenario {
  return {
    subjects: Object.keys(microbenchmarks[group]),
    rounds: settings.rounds(2),
    async measure(subject) {
      const child = startChild<MicroApi>(new URL("../harness/micro-process.ts", import.meta.url), 0);
      try {
        return await child.rpc.measure(group, subject);
      } finally {
        await child.stop();
      }
    },
  };
}
