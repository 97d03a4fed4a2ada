import { reliabilityOf, Session } from "../harness/session.ts";
import type { Scenario, Settings, Workload } from "../harness/workload.ts";
import { broadcastPeers } from "./peer-sets.ts";

const BYTES = 100;

export const replay: Workload = {
  name: "W4",
  title: "replay: a client reconnects after missing events of 100 B",
  columns: [
    { figure: "event", title: "CPU us/event", digits: 3 },
    { figure: "reconnect", title: "CPU us/reconnect", digits: 0 },
    { figure: "ms", title: "p50 time to last byte, ms", digits: 2 },
  ],
  scenarios: (settings) => [
    scenarioOf(50, settings.quick ? 300 : 600, settings),
    scenarioOf(10_000, settings.quick ? 10 : 20, settings),
  ],
};

function scenarioOf(events: number, reconnects: number, settings: Settings): Scenario {
  return {
    subjects: settings.select(broadcastPeers),
    rounds: settings.rounds(1),
    async measure(peer) {
      await using session = await Session.open(peer, { history: { events, bytes: BYTES } });
      const target = session.resumeTarget("/history");
      const reconnect = (times: number): Promise<{ p50: number }> =>
        session.load.shortConnections(target, times, 1, events);
      await reconnect(Math.ceil(reconnects / 2));
      let ms = 0;
      const usage = await session.usageDuring(async () => {
        ms = (await reconnect(reconnects)).p50 / 1e3;
      });
      const cpu = usage.cpu / reconnects;
      return {
        [`${events.toLocaleString("en")} events`]: {
          event: cpu / events,
          reconnect: cpu,
          ms,
          ...reliabilityOf(usage),
        },
      };
    },
  };
}
