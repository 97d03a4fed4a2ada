import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { allPeers } from "./peer-sets.ts";

const PATH = "/answer-";
const CLIENTS = 1_000;
const INTERVAL_MS = 50;

export const tokens: Workload = {
  name: "W2",
  title: "token streams: one stream per client, a token of 20 B every 50 ms",
  columns: [
    { figure: "cpu", title: "CPU us/token", digits: 2 },
    { figure: "p50", title: "p50 latency, us", digits: 0 },
    { figure: "p99", title: "p99 latency, us", digits: 0 },
    { figure: "rss", title: "RSS MB", digits: 0 },
  ],
  scenarios(settings) {
    const count = settings.quick ? 20 : 60;
    return [
      {
        subjects: settings.select(allPeers),
        rounds: settings.rounds(2),
        async measure(peer) {
          await using session = await Session.open(peer);
          await session.load.connect(session.target(PATH), CLIENTS, true);
          const send = async (times: number): Promise<void> => {
            await session.server.publishTokens(PATH, CLIENTS, times, INTERVAL_MS);
            await session.load.receive(times * CLIENTS);
          };
          await send(10);
          await session.load.recordLatencies();
          const usage = await session.usageDuring(() => send(count));
          const rss = usage.after.rss / 2 ** 20;
          const cpu = usage.cpu / (count * CLIENTS);
          return {
            "1,000 streams": { cpu, ...(await session.load.latency()), rss, ...reliabilityOf(usage) },
          };
        },
      },
    ];
  },
};
