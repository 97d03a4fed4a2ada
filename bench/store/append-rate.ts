import { availableParallelism } from "node:os";
import { machineCpuTime } from "../harness/machine-cpu.ts";
import { OTHER_CPU, type Scenario, type Settings } from "../harness/workload.ts";
import type { AppendApi } from "./append-process.ts";
import { StoreSession } from "./store-session.ts";
import { installed, storeOf, stores } from "./stores.ts";

/** Streams that are appended to in parallel, each one event after another. */
const STREAMS = 200;

/** The rate of appends of one process, with so many events per append. */
export const appendRate = (row: string, settings: Settings, batch = 1): Scenario => ({
  subjects: settings.select(installed(Object.keys(stores), (name) => storeOf(name).server)),
  rounds: settings.rounds(2),
  async measure(client) {
    const eventsPerStream = batch * (settings.quick || batch > 1 ? 50 : 150);
    await using session = await StoreSession.open(storeOf(client).server);
    const appender = session.start<AppendApi>("append");
    await appender.start(client, session.server.place);
    await appender.open(STREAMS);
    await appender.appendInParallel(batch * (settings.quick || batch > 1 ? 10 : 100), batch);
    const [before, serverBefore, machineBefore] = [
      await appender.usage(false),
      session.server.cpu(),
      machineCpuTime(),
    ];
    const duration = await appender.appendInParallel(eventsPerStream, batch);
    const [after, serverAfter, machineAfter] = [
      await appender.usage(false),
      session.server.cpu(),
      machineCpuTime(),
    ];
    const own = after.cpu - before.cpu + (serverAfter - serverBefore);
    const otherCpu = Math.max(0, machineAfter - machineBefore - own) / (duration * availableParallelism());
    const events = STREAMS * eventsPerStream;
    return {
      [row]: {
        us: duration / events,
        ...(client !== "sqlite" && { server: (serverAfter - serverBefore) / events }),
        [OTHER_CPU]: otherCpu,
      },
    };
  },
});
