import type { Scenario, Settings } from "../harness/workload.ts";
import type { PushApi } from "./push-process.ts";
import { StoreSession } from "./store-session.ts";
import { installed } from "./stores.ts";
import type { WebApi } from "./web-process.ts";

const CHANNELS = 100;
const INTERVAL_MS = 10;
const PREFIX = "channel-";

/** The latency from a commit in one process, in SQL, to the client of another process: with `holdfast.notify` and without. */
export const outboxLatency = (row: string, settings: Settings): Scenario => ({
  subjects: settings.select(installed(["holdfast.notify off", "holdfast.notify on"], () => "postgres")),
  rounds: settings.rounds(2),
  async measure(subject) {
    await using session = await StoreSession.open("postgres");
    const pusher = session.start<PushApi>("push");
    const web = session.start<WebApi>("web");
    const load = session.startLoad();
    await pusher.start(session.server.place, PREFIX, CHANNELS, subject.endsWith("on"));
    const port = await web.start("holdfast on Postgres", session.server.place);
    await load.connect({ port, path: `/${PREFIX}` }, CHANNELS, true);
    const push = async (events: number): Promise<void> => {
      await pusher.pushPaced(events, INTERVAL_MS);
      await load.receive(events);
    };
    await push(100);
    await load.recordLatencies();
    await push(settings.quick ? 300 : 600);
    return { [row]: await load.latency() };
  },
});
