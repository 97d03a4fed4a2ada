import type { Scenario, Settings } from "../harness/workload.ts";
import type { ProduceApi } from "./produce-process.ts";
import { OURS, serverOf } from "./implementations.ts";
import { StoreSession } from "./store-session.ts";
import { installed } from "./stores.ts";
import type { WebApi } from "./web-process.ts";

export const STREAMS = 100;
export const INTERVAL_MS = 50;
const PATH = "/answer-";

/** The cost of token streams that one process produces and another process serves. */
export const tokenStreams = (row: string, settings: Settings): Scenario => ({
  subjects: settings.select(installed(["resumable-stream", ...OURS], serverOf)),
  rounds: settings.rounds(2),
  async measure(implementation) {
    const tokens = settings.quick ? 20 : 60;
    await using session = await StoreSession.open(serverOf(implementation));
    const producer = session.start<ProduceApi>("produce");
    const web = session.start<WebApi>("web");
    const load = session.startLoad();
    await producer.start(implementation, session.server.place, PATH, STREAMS);
    const port = await web.start(implementation, session.server.place);
    await load.connect({ port, path: PATH }, STREAMS, true);
    const send = async (count: number): Promise<void> => {
      await producer.publishTokens(count, INTERVAL_MS);
      await load.receive(count * STREAMS);
    };
    await send(20);
    await load.recordLatencies();
    const before = [await producer.usage(false), await web.usage(false)];
    const serverBefore = session.server.cpu();
    await send(tokens);
    const server = (session.server.cpu() - serverBefore) / (tokens * STREAMS);
    const after = [await producer.usage(false), await web.usage(false)];
    const cpu =
      after.reduce((sum, usage, index) => sum + usage.cpu - (before[index]?.cpu ?? 0), 0) /
      (tokens * STREAMS);
    return { [row]: { cpu, server, ...(await load.latency()) } };
  },
});
