import { Session, trust } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { everyoneWithStreams } from "./subjects.ts";

const PATH = "/answer-";
const CLIENTS = 1_000;
const EVERY = 50;

export const tokens: Workload = {
  name: "W2",
  title: "answers: everybody has a stream of its own, a token of 20 B every 50 ms",
  columns: [
    { figure: "cpu", title: "CPU us/token", digits: 2 },
    { figure: "p50", title: "p50 us", digits: 0 },
    { figure: "p99", title: "p99 us", digits: 0 },
    { figure: "rss", title: "RSS MB", digits: 0 },
  ],
  runs(scale) {
    const count = scale.quick ? 20 : 60;
    return [
      {
        subjects: scale.choose(everyoneWithStreams),
        rounds: scale.rounds(2),
        async measure(peer) {
          await using session = await Session.open(peer);
          await session.load.connect(session.at(PATH), CLIENTS, true);
          const stream = async (times: number): Promise<void> => {
            await session.server.stream(PATH, CLIENTS, times, EVERY);
            await session.load.receive(times * CLIENTS);
          };
          await stream(10);
          await session.load.watch();
          const spent = await session.spent(() => stream(count));
          const rss = spent.after.rss / 2 ** 20;
          const cpu = spent.cpu / (count * CLIENTS);
          return { "1,000 streams": { cpu, ...(await session.load.latency()), rss, ...trust(spent) } };
        },
      },
    ];
  },
};
