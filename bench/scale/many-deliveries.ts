import { microseconds } from "../harness/clock.ts";
import { reliabilityOf, Session } from "../harness/session.ts";
import type { Figures, Workload } from "../harness/workload.ts";
import { scalePeers } from "./peers.ts";

const PATH = "/feed";
/** Events per second, to all clients. */
const RATES = [5, 20, 100];

export const manyDeliveries: Workload = {
  name: "S2",
  title: "one process, one feed of 20 B for all connections, as many deliveries as the machine gives",
  columns: [
    { figure: "cpu", title: "CPU us/delivery", digits: 2 },
    { figure: "rate", title: "deliveries/s", digits: 0 },
    { figure: "p50", title: "p50 latency, us", digits: 0 },
    { figure: "p99", title: "p99 latency, us", digits: 0 },
    { figure: "rss", title: "RSS MB", digits: 0 },
  ],
  scenarios(settings) {
    const clients = settings.quick ? 2_000 : 10_000;
    const seconds = settings.quick ? 2 : 5;
    return [
      {
        subjects: settings.select(scalePeers),
        rounds: settings.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer);
          await session.load.connect(session.target(PATH), clients);
          const send = async (events: number, perSecond: number): Promise<void> => {
            await session.server.publishAtRate(PATH, events, perSecond);
            await session.load.receive(events * clients, 300_000);
          };
          await send(10, 10);
          const rows: Record<string, Figures> = {};
          for (const perSecond of RATES) {
            const events = perSecond * seconds;
            await session.load.recordLatencies();
            const start = microseconds();
            const usage = await session.usageDuring(() => send(events, perSecond));
            rows[`${clients.toLocaleString("en")} connections, ${perSecond} events/s`] = {
              cpu: usage.cpu / (events * clients),
              rate: (events * clients * 1e6) / (microseconds() - start),
              ...(await session.load.latency()),
              rss: usage.after.rss / 2 ** 20,
              ...reliabilityOf(usage),
            };
          }
          return rows;
        },
      },
    ];
  },
};
