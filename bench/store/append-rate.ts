import { availableParallelism } from "node:os";
import { machineCpuTime } from "../harness/machine-cpu.ts";
import { OTHER_CPU, type Scenario, type Settings } from "../harness/workload.ts";
import type { AppendApi } from "./append-process.ts";
import { StoreSession } from "./store-session.ts";

/** Streams that are appended to in parallel, each one event after another. */
const STREAMS = 200;

/** The rate of appends over one connection, with one event per append. */
export const appendRate = (row: string, settings: Settings): Scenario => ({
  subjects: settings.select(["redis", "ioredis"]),
  rounds: settings.rounds(3),
  async measure(client) {
    const eventsPerStream = settings.quick ? 50 : 300;
    await using session = await StoreSession.open();
    const appender = session.start<AppendApi>("append");
    await appender.start(client, session.redis.port);
    await appender.open(STREAMS);
    await appender.appendInParallel(settings.quick ? 20 : 200);
    const [before, redisBefore, machineBefore] = [
      await appender.usage(false),
      session.redis.cpu(),
      machineCpuTime(),
    ];
    const duration = await appender.appendInParallel(eventsPerStream);
    const [after, redisAfter, machineAfter] = [
      await appender.usage(false),
      session.redis.cpu(),
      machineCpuTime(),
    ];
    const own = after.cpu - before.cpu + (redisAfter - redisBefore);
    const otherCpu = Math.max(0, machineAfter - machineBefore - own) / (duration * availableParallelism());
    const events = STREAMS * eventsPerStream;
    return {
      [row]: { us: duration / events, redis: (redisAfter - redisBefore) / events, [OTHER_CPU]: otherCpu },
    };
  },
});
