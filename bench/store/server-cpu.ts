import type { Scenario, Settings } from "../harness/workload.ts";
import type { AppendApi } from "./append-process.ts";
import type { FollowApi } from "./follow-process.ts";
import { StoreSession } from "./store-session.ts";
import { installed, type Server } from "./stores.ts";

const STREAM_COUNTS = [10, 100, 1_000, 5_000];
const nameOf = (streams: number): string => `${streams.toLocaleString("en")} streams`;

/** The CPU of a server per event, while another process follows all streams. */
export const serverCpu = (
  row: string,
  settings: Settings,
  server: Server,
  eventsPerMs: number,
): Scenario => ({
  subjects: settings.select(installed(STREAM_COUNTS.map(nameOf), () => server)),
  rounds: settings.rounds(1),
  async measure(subject) {
    const streams = STREAM_COUNTS[STREAM_COUNTS.map(nameOf).indexOf(subject)] as number;
    const warmUp = Math.ceil(streams / 4) * 4 + 1_000 * eventsPerMs;
    const events = (settings.quick ? 1_000 : 3_000) * eventsPerMs;
    await using session = await StoreSession.open(server);
    const appender = session.start<AppendApi>("append");
    const follower = session.start<FollowApi>("follow");
    const { place } = session.server;
    await Promise.all([appender.start(server, place), follower.start(server, place)]);
    await appender.open(streams);
    await follower.follow(streams);
    await Promise.all([appender.appendPaced(warmUp, eventsPerMs), follower.receive(warmUp)]);
    const before = session.server.cpu();
    await Promise.all([appender.appendPaced(events, eventsPerMs), follower.receive(warmUp + events)]);
    return { [row]: { server: (session.server.cpu() - before) / events } };
  },
});
