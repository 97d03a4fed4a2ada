import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { ourPeers } from "./peer-sets.ts";

const PATH = "/all";
const READERS = 100;
const BYTES = 16_384;
/** Events that are published before the readers have to catch up, so that only the stalled client falls behind. */
const STEP = 16;
const MB = 2 ** 20;
/** Read interval of the load generator: latency is not measured here. */
const READ_PAUSE_MS = 5;

export const slowClient: Workload = {
  name: "W7",
  title: "slow client: 1 of 101 clients reads nothing while megabytes are sent to all",
  columns: [
    { figure: "rss", title: "RSS growth MB", digits: 1 },
    { figure: "heap", title: "heap + external growth MB", digits: 1 },
    { figure: "cpu", title: "CPU us/event", digits: 2 },
  ],
  scenarios(settings) {
    const megabytes = settings.quick ? 10 : 50;
    const steps = (megabytes * MB) / BYTES / STEP;
    return [
      {
        subjects: settings.select(ourPeers),
        rounds: settings.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer);
          await session.load.connect(session.target(PATH), READERS);
          await session.load.setReadPause(READ_PAUSE_MS);
          const send = async (times: number): Promise<void> => {
            for (let step = 0; step < times; step++) {
              await session.server.publish(PATH, BYTES, STEP, 0);
              await session.load.receive(STEP * READERS);
            }
          };
          // Warms up first: the buffers of a server in use do not count as growth.
          await send(20);
          await session.load.connectStalled(session.target(PATH));
          const usage = await session.usageDuring(() => send(steps), true);
          return {
            [`${megabytes} MB to each`]: {
              rss: (usage.after.rss - usage.before.rss) / MB,
              heap: (usage.after.heap - usage.before.heap) / MB,
              cpu: usage.cpu / (steps * STEP * (READERS + 1)),
              ...reliabilityOf(usage),
            },
          };
        },
      },
    ];
  },
};
