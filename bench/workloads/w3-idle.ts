import { Session, trust } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { everyone } from "./subjects.ts";

const HEARTBEAT = 2_000;

export const idle: Workload = {
  name: "W3",
  title: "idle connections, a heartbeat every 2 s",
  columns: [
    { figure: "kib", title: "RSS KiB each", digits: 1 },
    { figure: "cpu", title: "CPU us/heartbeat", digits: 1 },
  ],
  runs(scale) {
    const clients = scale.quick ? 2_000 : 10_000;
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
          const beats = clients * (scale.quick ? 1 : 3);
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
