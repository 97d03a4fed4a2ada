import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { multiplexed } from "../peers/index.ts";
import { AT_ONCE, CONNECTIONS } from "../peers/multiplexed.ts";

const OWN_PATH = "/answer-";
/** Time between two tokens of a connection, in ms. */
const INTERVAL_MS = 10;
const CLIENTS = 1_000;
const BYTES = 100;

export const members: Workload = {
  name: "W12",
  title: `one stream per connection, and ${AT_ONCE} of them on one connection`,
  columns: [{ figure: "cpu", title: "CPU us/event", digits: 2 }],
  scenarios(settings) {
    const subjects = settings.select(Object.keys(multiplexed));
    const rounds = settings.rounds(3);
    return [
      {
        subjects,
        rounds,
        async measure(subject) {
          await using session = await Session.open(subject);
          await session.load.connect(session.target(OWN_PATH), CONNECTIONS, true);
          const streams = subject === "10 members" ? AT_ONCE : 1;
          const send = async (times: number): Promise<void> => {
            const tokens = (times * AT_ONCE) / streams;
            const interval = INTERVAL_MS * streams;
            await session.server.publishTokens(OWN_PATH, CONNECTIONS * streams, tokens, interval);
            await session.load.receive(times * AT_ONCE * CONNECTIONS);
          };
          await send(10);
          const count = settings.quick ? 10 : 40;
          const usage = await session.usageDuring(() => send(count));
          const cpu = usage.cpu / (count * AT_ONCE * CONNECTIONS);
          return { "tokens, one at a time": { cpu, ...reliabilityOf(usage) } };
        },
      },
      {
        subjects,
        rounds,
        async measure(subject) {
          await using session = await Session.open(subject);
          await session.load.connect(session.target("/all"), CLIENTS);
          const send = async (times: number): Promise<void> => {
            await session.server.publish("/all", BYTES, times, 1_000 / 20);
            await session.load.receive(times * AT_ONCE * CLIENTS);
          };
          await send(10);
          const count = settings.quick ? 20 : 60;
          const usage = await session.usageDuring(() => send(count));
          const cpu = usage.cpu / (count * AT_ONCE * CLIENTS);
          return { "fan-out, ten in one turn": { cpu, ...reliabilityOf(usage) } };
        },
      },
    ];
  },
};
