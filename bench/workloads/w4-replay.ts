import { Session, trust } from "../harness/session.ts";
import type { Run, Scale, Workload } from "../harness/workload.ts";
import { everyone } from "./subjects.ts";

const BYTES = 100;

export const replay: Workload = {
  name: "W4",
  title: "a client comes back, and has missed events of 100 B",
  columns: [
    { figure: "event", title: "CPU us/event", digits: 3 },
    { figure: "visit", title: "CPU us/visit", digits: 0 },
    { figure: "ms", title: "ms to the last byte, p50", digits: 2 },
  ],
  runs: (scale) => [runOf(50, scale.quick ? 300 : 600, scale), runOf(10_000, scale.quick ? 10 : 20, scale)],
};

function runOf(events: number, visits: number, scale: Scale): Run {
  return {
    subjects: scale.choose(everyone),
    rounds: scale.rounds(2),
    async measure(peer) {
      await using session = await Session.open(peer, { history: { events, bytes: BYTES } });
      const target = session.back("/history");
      const visit = (times: number): Promise<{ p50: number }> => session.load.visit(target, times, 1, events);
      await visit(Math.ceil(visits / 2));
      let ms = 0;
      const spent = await session.spent(async () => {
        ms = (await visit(visits)).p50 / 1e3;
      });
      const each = spent.cpu / visits;
      return {
        [`${events.toLocaleString("en")} events`]: { event: each / events, visit: each, ms, ...trust(spent) },
      };
    },
  };
}
