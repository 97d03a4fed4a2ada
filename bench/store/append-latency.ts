import type { Scenario, Settings } from "../harness/workload.ts";
import type { AppendApi } from "./append-process.ts";
import { OURS, serverOf } from "./implementations.ts";
import { StoreSession } from "./store-session.ts";
import { installed } from "./stores.ts";
import type { WebApi } from "./web-process.ts";

const STREAMS = 100;

/** The latency from an append in one process to the client of another process. */
export const appendLatency = (row: string, settings: Settings): Scenario => ({
  subjects: settings.select(installed(OURS, serverOf)),
  rounds: settings.rounds(2),
  async measure(implementation) {
    const store = serverOf(implementation);
    await using session = await StoreSession.open(store);
    const appender = session.start<AppendApi>("append");
    const web = session.start<WebApi>("web");
    const load = session.startLoad();
    await appender.start(store, session.server.place);
    await appender.open(STREAMS);
    const port = await web.start(implementation, session.server.place);
    await load.connect({ port, path: "/stream-" }, STREAMS, true);
    const append = async (events: number): Promise<void> => {
      await appender.appendPaced(events, 1);
      await load.receive(events);
    };
    await append(1_000);
    await load.recordLatencies();
    await append(settings.quick ? 2_000 : 3_000);
    return { [row]: await load.latency() };
  },
});
