import { reliabilityOf, Session, type UsageDelta } from "../harness/session.ts";
import type { Figures, Scenario, Settings, Workload } from "../harness/workload.ts";
import { broadcastPeers, representatives } from "./peer-sets.ts";

const PATH = "/all";
const MB = 2 ** 20;
/** Read interval of the load generator during a burst. */
const READ_PAUSE_MS = 30;

interface Size {
  readonly clients: number;
  readonly bytes: number;
  /** Events per second in the paced row: few enough that the slowest peers do not saturate their core. */
  readonly perSecond: number;
  /** Events in the burst row: at most 512 KiB per client, so that no peer has to wait for the load generator. */
  readonly burst: number;
}

const MAIN_SIZE: Size = { clients: 1_000, bytes: 100, perSecond: 20, burst: 100 };
const OTHER_SIZES: readonly Size[] = [
  { clients: 100, bytes: 100, perSecond: 50, burst: 500 },
  { clients: 5_000, bytes: 100, perSecond: 4, burst: 20 },
  { clients: 1_000, bytes: 1_024, perSecond: 20, burst: 60 },
  { clients: 1_000, bytes: 16_384, perSecond: 5, burst: 20 },
];

export const fanOut: Workload = {
  name: "W1",
  title: "fan-out: one event to all clients",
  columns: [
    { figure: "cpu", title: "CPU us/event", digits: 2 },
    { figure: "rss", title: "RSS MB", digits: 0 },
  ],
  scenarios: (settings) => [
    scenarioOf(MAIN_SIZE, settings, broadcastPeers),
    ...OTHER_SIZES.map((size) => scenarioOf(size, settings, representatives)),
  ],
};

function scenarioOf(size: Size, settings: Settings, subjects: readonly string[]): Scenario {
  const { clients, bytes, perSecond, burst } = size;
  const seconds = settings.quick ? 1 : 2;
  const name = `${clients.toLocaleString("en")} clients, ${bytes.toLocaleString("en")} B`;
  return {
    subjects: settings.select(subjects),
    rounds: settings.rounds(size === MAIN_SIZE ? 2 : 1),
    async measure(peer) {
      await using session = await Session.open(peer);
      await session.load.connect(session.target(PATH), clients);
      const send = (events: number, intervalMs: number) => async (): Promise<void> => {
        await session.server.publish(PATH, bytes, events, intervalMs);
        await session.load.receive(events * clients);
      };
      await send(Math.ceil(burst / 2), 0)();
      const pacedUsage = await session.usageDuring(send(perSecond * seconds, 1_000 / perSecond));
      await session.load.setReadPause(READ_PAUSE_MS);
      const burstUsage = await session.usageDuring(send(burst, 0));
      return {
        [`${name}, paced`]: figures(pacedUsage, perSecond * seconds * clients),
        [`${name}, burst`]: figures(burstUsage, burst * clients),
      };
    },
  };
}

function figures(usage: UsageDelta, events: number): Figures {
  return { cpu: usage.cpu / events, rss: usage.after.rss / MB, ...reliabilityOf(usage) };
}
