import { Session, trust } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { ours } from "./subjects.ts";

const PATH = "/all";
const READERS = 100;
const BYTES = 16_384;
/** So many at once, and then the readers are waited for: only the stalled client is ever behind. */
const STEP = 16;
const MB = 2 ** 20;
/** Nobody asks how long an event was on its way: the load reads once in so many ms. */
const REST = 5;

export const stalled: Workload = {
  name: "W7",
  title: "1 client of 101 reads nothing, while megabytes go out to everybody",
  columns: [
    { figure: "rss", title: "RSS growth MB", digits: 1 },
    { figure: "heap", title: "heap + external growth MB", digits: 1 },
    { figure: "cpu", title: "CPU us/event", digits: 2 },
  ],
  runs(scale) {
    const megabytes = scale.quick ? 10 : 50;
    const steps = (megabytes * MB) / BYTES / STEP;
    return [
      {
        subjects: scale.choose(ours),
        rounds: scale.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer);
          await session.load.connect(session.at(PATH), READERS);
          await session.load.rest(REST);
          const send = async (times: number): Promise<void> => {
            for (let step = 0; step < times; step++) {
              await session.server.publish(PATH, BYTES, STEP, 0);
              await session.load.receive(STEP * READERS);
            }
          };
          // What a server in use holds anyway is no growth.
          await send(20);
          await session.load.stall(session.at(PATH));
          const spent = await session.spent(() => send(steps), true);
          return {
            [`${megabytes} MB to each`]: {
              rss: (spent.after.rss - spent.before.rss) / MB,
              heap: (spent.after.heap - spent.before.heap) / MB,
              cpu: spent.cpu / (steps * STEP * (READERS + 1)),
              ...trust(spent),
            },
          };
        },
      },
    ];
  },
};
