import { microseconds } from "../harness/clock.ts";
import { OTHER_FILES, openFilesLimit } from "../harness/open-files-limit.ts";
import { Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { scalePeers } from "./peers.ts";

const HEARTBEAT_MS = 25_000;
const WARM_UP = 100;
const PATH = "/idle";

/** One process may not have enough open files for all clients, so that several servers share them. */
function sizes(clients: number): readonly number[] {
  const servers = Math.ceil(clients / (openFilesLimit() - OTHER_FILES));
  return Array.from({ length: servers }, (_, index) => Math.floor((clients + index) / servers));
}

export const manyIdle: Workload = {
  name: "S1",
  title: "idle connections, a heartbeat every 25 s",
  columns: [
    { figure: "kib", title: "RSS KiB/connection", digits: 1 },
    { figure: "connect", title: "CPU us to connect", digits: 0 },
    { figure: "heartbeat", title: "CPU us/heartbeat", digits: 1 },
    { figure: "cores", title: "cores while idle", digits: 3 },
  ],
  scenarios(settings) {
    const clients = settings.quick ? 10_000 : 100_000;
    const perServer = sizes(clients);
    return [
      {
        subjects: settings.select(scalePeers),
        rounds: settings.rounds(1),
        async measure(peer) {
          await using sessions = new AsyncDisposableStack();
          const all: { session: Session; count: number }[] = [];
          for (const count of perServer) {
            const session = sessions.use(await Session.open(peer, { heartbeat: HEARTBEAT_MS }));
            await session.load.connect(session.target(PATH), WARM_UP);
            all.push({ session, count });
          }
          const total = async (figure: "rss" | "cpu"): Promise<number> => {
            const usages = await Promise.all(
              all.map(({ session }) => session.server.usage(figure === "rss")),
            );
            return usages.reduce((sum, usage) => sum + usage[figure], 0);
          };
          const rss = await total("rss");
          const cpu = await total("cpu");
          for (const { session, count } of all) await session.load.connect(session.target(PATH), count);
          const connect = ((await total("cpu")) - cpu) / clients;
          const kib = ((await total("rss")) - rss) / clients / 1_024;

          const heartbeats = clients + all.length * WARM_UP;
          const from = { at: microseconds(), cpu: await total("cpu") };
          await Promise.all(all.map(({ session, count }) => session.load.receiveChunks(count + WARM_UP)));
          const idleCpu = (await total("cpu")) - from.cpu;
          const row = `${clients.toLocaleString("en")} connections, ${perServer.length} processes`;
          const figures = {
            kib,
            connect,
            heartbeat: idleCpu / heartbeats,
            cores: idleCpu / (microseconds() - from.at),
          };
          return { [row]: figures };
        },
      },
    ];
  },
};
