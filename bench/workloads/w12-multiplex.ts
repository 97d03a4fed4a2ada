import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { multiplexed, TEN_CONNECTIONS, TEN_MEMBERS } from "../peers/index.ts";
import { AT_ONCE, CONNECTIONS } from "../peers/multiplexed.ts";

const OWN_PATH = "/answer-";
const TOKENS_PER_SECOND = 20_000;
const WARM_UP = 20_000;
const CLIENTS = 1_000;
const BYTES = 100;

export const members: Workload = {
  name: "W12",
  title: `one stream per connection, and ${AT_ONCE} of them on one connection`,
  columns: [{ figure: "cpu", title: "CPU us/event", digits: 2 }],
  scenarios(settings) {
    const subjects = settings.select(Object.keys(multiplexed));
    const rounds = settings.rounds(2);
    return [
      {
        subjects,
        rounds,
        async measure(subject) {
          await using session = await Session.open(subject);
          const connections = subject === TEN_CONNECTIONS ? CONNECTIONS * AT_ONCE : CONNECTIONS;
          const streams = subject === TEN_MEMBERS ? CONNECTIONS * AT_ONCE : connections;
          await session.load.connect(session.target(OWN_PATH), connections, true);
          const send = async (events: number): Promise<void> => {
            await session.server.publishInTurn(OWN_PATH, streams, events, TOKENS_PER_SECOND);
            await session.load.receive(events);
          };
          await send(WARM_UP);
          const events = TOKENS_PER_SECOND * (settings.quick ? 1 : 4);
          const usage = await session.usageDuring(() => send(events));
          const cpu = usage.cpu / events;
          return { "tokens, one at a time": { cpu, ...reliabilityOf(usage) } };
        },
      },
      {
        subjects: subjects.filter((subject) => subject !== TEN_CONNECTIONS),
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
