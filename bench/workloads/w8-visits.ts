import { Session, trust } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { everyone } from "./subjects.ts";

const AT_ONCE = 50;

export const visits: Workload = {
  name: "W8",
  title: "connect, one event, leave; 50 at once",
  columns: [
    { figure: "cpu", title: "CPU us/connection", digits: 0 },
    { figure: "heap", title: "heap growth MB", digits: 2 },
  ],
  runs(scale) {
    const count = scale.quick ? 3_000 : 20_000;
    return [
      {
        subjects: scale.choose(everyone),
        rounds: scale.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer, { history: { events: 1, bytes: 100 } });
          const visit = (times: number): Promise<unknown> =>
            session.load.visit(session.back("/history"), times, AT_ONCE, 1);
          await visit(2_000);
          const spent = await session.spent(() => visit(count), true);
          const heap = (spent.after.heap - spent.before.heap) / 2 ** 20;
          const row = `${count.toLocaleString("en")} visits`;
          return { [row]: { cpu: spent.cpu / count, heap, ...trust(spent) } };
        },
      },
    ];
  },
};
