import type { Scenario, Settings } from "../harness/workload.ts";
import type { AppendApi } from "./append-process.ts";
import type { FollowApi } from "./follow-process.ts";
import { StoreSession } from "./store-session.ts";

const EVENTS_PER_MS = 4;
const STREAM_COUNTS = [10, 100, 1_000, 5_000];
const nameOf = (streams: number): string => `${streams.toLocaleString("en")} streams`;

/** The CPU of Redis per event, while another process follows all streams. */
export const redisCpu = (row: string, settings: Settings): Scenario => ({
  subjects: settings.select(STREAM_COUNTS.map(nameOf)),
  rounds: settings.rounds(2),
  async measure(subject) {
    const streams = STREAM_COUNTS[STREAM_COUNTS.map(nameOf).indexOf(subject)] as number;
    const warmUp = Math.ceil(streams / EVENTS_PER_MS) * EVENTS_PER_MS + 4_000;
    const events = settings.quick ? 4_000 : 12_000;
    await using session = await StoreSession.open();
    const appender = session.start<AppendApi>("append");
    const follower = session.start<FollowApi>("follow");
    const port = session.server.place;
    await Promise.all([appender.start("redis", port), follower.start("redis", port)]);
    await appender.open(streams);
    await follower.follow(streams);
    await Promise.all([appender.appendPaced(warmUp, EVENTS_PER_MS), follower.receive(warmUp)]);
    const before = session.server.cpu();
    await Promise.all([appender.appendPaced(events, EVENTS_PER_MS), follower.receive(warmUp + events)]);
    const redis = (session.server.cpu() - before) / events;
    return { [row]: { redis } };
  },
});
