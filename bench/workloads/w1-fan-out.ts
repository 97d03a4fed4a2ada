import { Session, type Spent, trust } from "../harness/session.ts";
import { type Figures, type Run, type Scale, type Workload } from "../harness/workload.ts";
import { everyone, fewest } from "./subjects.ts";

const PATH = "/all";
const MB = 2 ** 20;
/** In a burst the load reads once in so many ms. */
const REST = 30;

interface Size {
  readonly clients: number;
  readonly bytes: number;
  /** In one second of the paced row: as many as leave the slowest peers room on their core. */
  readonly perSecond: number;
  /** In the burst row, and no more than 512 KiB for each client, so that nobody has to wait for its reader. */
  readonly burst: number;
}

const QUOTED: Size = { clients: 1_000, bytes: 100, perSecond: 20, burst: 100 };
const OTHERS: readonly Size[] = [
  { clients: 100, bytes: 100, perSecond: 50, burst: 500 },
  { clients: 5_000, bytes: 100, perSecond: 4, burst: 20 },
  { clients: 1_000, bytes: 1_024, perSecond: 20, burst: 60 },
  { clients: 1_000, bytes: 16_384, perSecond: 5, burst: 20 },
];

export const fanOut: Workload = {
  name: "W1",
  title: "fan-out: one event to everybody",
  columns: [
    { figure: "cpu", title: "CPU us/event", digits: 2 },
    { figure: "rss", title: "RSS MB", digits: 0 },
  ],
  runs: (scale) => [runOf(QUOTED, scale, everyone), ...OTHERS.map((size) => runOf(size, scale, fewest))],
};

function runOf(size: Size, scale: Scale, subjects: readonly string[]): Run {
  const { clients, bytes, perSecond, burst } = size;
  const seconds = scale.quick ? 1 : 2;
  const name = `${clients.toLocaleString("en")} clients, ${bytes.toLocaleString("en")} B`;
  return {
    subjects: scale.choose(subjects),
    rounds: scale.rounds(size === QUOTED ? 2 : 1),
    async measure(peer) {
      await using session = await Session.open(peer);
      await session.load.connect(session.at(PATH), clients);
      const send = (events: number, every: number) => async (): Promise<void> => {
        await session.server.publish(PATH, bytes, events, every);
        await session.load.receive(events * clients);
      };
      await send(Math.ceil(burst / 2), 0)();
      const paced = await session.spent(send(perSecond * seconds, 1_000 / perSecond));
      await session.load.rest(REST);
      const atOnce = await session.spent(send(burst, 0));
      return {
        [`${name}, paced`]: figures(paced, perSecond * seconds * clients),
        [`${name}, burst`]: figures(atOnce, burst * clients),
      };
    },
  };
}

function figures(spent: Spent, events: number): Figures {
  return { cpu: spent.cpu / events, rss: spent.after.rss / MB, ...trust(spent) };
}
