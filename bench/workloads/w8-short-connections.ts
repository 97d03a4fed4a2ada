import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { broadcastPeers } from "./peer-sets.ts";

const CONCURRENCY = 50;

export const shortConnections: Workload = {
  name: "W8",
  title: "connect, one event, disconnect; 50 at a time",
  columns: [
    { figure: "cpu", title: "CPU us/connection", digits: 0 },
    { figure: "heap", title: "heap growth MB", digits: 2 },
  ],
  scenarios(settings) {
    const count = settings.quick ? 3_000 : 20_000;
    return [
      {
        subjects: settings.select(broadcastPeers),
        rounds: settings.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer, { history: { events: 1, bytes: 100 } });
          const connect = (times: number): Promise<unknown> =>
            session.load.shortConnections(session.resumeTarget("/history"), times, CONCURRENCY, 1);
          await connect(2_000);
          const usage = await session.usageDuring(() => connect(count), true);
          const heap = (usage.after.heap - usage.before.heap) / 2 ** 20;
          const row = `${count.toLocaleString("en")} connections`;
          return { [row]: { cpu: usage.cpu / count, heap, ...reliabilityOf(usage) } };
        },
      },
    ];
  },
};
