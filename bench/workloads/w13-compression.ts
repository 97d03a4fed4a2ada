import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";

const PATH = "/answer";
const CLIENTS = 1_000;
const INTERVAL_MS = 50;

export const PLAIN = "as it is";
export const GZIP = "gzip";

export const compression: Workload = {
  name: "W13",
  title: "one stream of words for 1,000 clients of node-http, a word every 50 ms",
  columns: [
    { figure: "cpu", title: "CPU us/event", digits: 2 },
    { figure: "bytes", title: "bytes/event", digits: 1 },
    { figure: "heap", title: "KiB/connection", digits: 2 },
  ],
  scenarios(settings) {
    const count = settings.quick ? 60 : 300;
    return [
      {
        subjects: [PLAIN, GZIP],
        rounds: settings.rounds(2),
        async measure(subject) {
          await using session = await Session.open("@holdfast/node-http", { compression: true });
          const target = { ...session.target(PATH), acceptsGzip: subject === GZIP };
          const send = async (words: number): Promise<void> => {
            await Promise.all([
              session.server.publishAnswer(PATH, words, INTERVAL_MS),
              session.load.receiveChunks(words * CLIENTS),
            ]);
          };
          const { heap: empty } = await session.server.usage(true);
          await session.load.connect(target, CLIENTS);
          await send(20);
          const from = await session.load.bytes();
          const usage = await session.usageDuring(() => send(count), true);
          const figures = {
            cpu: usage.cpu / (count * CLIENTS),
            bytes: ((await session.load.bytes()) - from) / (count * CLIENTS),
            heap: (usage.after.heap - empty) / CLIENTS / 1_024,
          };
          return { "1,000 clients": { ...figures, ...reliabilityOf(usage) } };
        },
      },
    ];
  },
};
