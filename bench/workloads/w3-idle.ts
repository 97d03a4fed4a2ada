import { OTHER_FILES, openFilesLimit } from "../harness/open-files-limit.ts";
import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { broadcastPeers } from "./peer-sets.ts";

const HEARTBEAT_MS = 2_000;

export const idle: Workload = {
  name: "W3",
  title: "idle connections, a heartbeat every 2 s",
  columns: [
    { figure: "kib", title: "RSS KiB/connection", digits: 1 },
    { figure: "cpu", title: "CPU us/heartbeat", digits: 1 },
  ],
  scenarios(settings) {
    // `ulimit -n` may allow fewer; the name of the row gives the actual number.
    const clients = Math.min(settings.quick ? 2_000 : 10_000, openFilesLimit() - OTHER_FILES);
    return [
      {
        subjects: settings.select(broadcastPeers),
        rounds: settings.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer, { heartbeat: HEARTBEAT_MS });
          const target = session.target("/idle");
          await session.load.connect(target, 100);
          const { rss: empty } = await session.server.usage(true);
          await session.load.connect(target, clients);
          const { rss: full } = await session.server.usage(true);
          const heartbeats = clients * (settings.quick ? 1 : 2);
          await session.load.receiveChunks(clients);
          const usage = await session.usageDuring(() => session.load.receiveChunks(heartbeats));
          const kib = (full - empty) / clients / 1_024;
          const row = `${clients.toLocaleString("en")} clients`;
          return { [row]: { kib, cpu: usage.cpu / heartbeats, ...reliabilityOf(usage) } };
        },
      },
    ];
  },
};
