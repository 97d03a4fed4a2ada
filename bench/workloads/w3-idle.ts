import { openFiles } from "../harness/open-files.ts";
import { Session, trust } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { everyone } from "./subjects.ts";

const HEARTBEAT = 2_000;
/** A hundred clients to warm up, and what a process needs itself. */
const OTHER_FILES = 300;

export const idle: Workload = {
  name: "W3",
  title: "idle connections, a heartbeat every 2 s",
  columns: [
    { figure: "kib", title: "RSS KiB each", digits: 1 },
    { figure: "cpu", title: "CPU us/heartbeat", digits: 1 },
  ],
  runs(scale) {
    // Fewer where `ulimit -n` allows no more; the row's name says how many there were.
    const clients = Math.min(scale.quick ? 2_000 : 10_000, openFiles() - OTHER_FILES);
    return [
      {
        subjects: scale.choose(everyone),
        rounds: scale.rounds(1),
        async measure(peer) {
          await using session = await Session.open(peer, { heartbeat: HEARTBEAT });
          const target = session.at("/idle");
          await session.load.connect(target, 100);
          const { rss: empty } = await session.server.usage(true);
          await session.load.connect(target, clients);
          const { rss: full } = await session.server.usage(true);
          const beats = clients * (scale.quick ? 1 : 2);
          await session.load.beat(clients);
          const spent = await session.spent(() => session.load.beat(beats));
          const kib = (full - empty) / clients / 1_024;
          const row = `${clients.toLocaleString("en")} clients`;
          return { [row]: { kib, cpu: spent.cpu / beats, ...trust(spent) } };
        },
      },
    ];
  },
};
