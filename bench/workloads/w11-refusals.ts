import { reliabilityOf, Session } from "../harness/session.ts";
import type { Workload } from "../harness/workload.ts";
import { refusals } from "../peers/index.ts";

const CONCURRENCY = 50;

export const refusedConnections: Workload = {
  name: "W11",
  title: "one user over the limit of a key, who connects again and again; 50 at a time",
  columns: [{ figure: "cpu", title: "CPU us/connection", digits: 0 }],
  scenarios(settings) {
    const count = settings.quick ? 3_000 : 20_000;
    return [
      {
        subjects: settings.select(Object.keys(refusals)),
        rounds: settings.rounds(2),
        async measure(subject) {
          await using session = await Session.open(subject);
          const connect = (times: number): Promise<unknown> =>
            session.load.answers(session.target("/"), times, CONCURRENCY);
          await connect(2_000);
          const usage = await session.usageDuring(() => connect(count));
          const row = `${count.toLocaleString("en")} connections`;
          return { [row]: { cpu: usage.cpu / count, ...reliabilityOf(usage) } };
        },
      },
    ];
  },
};
