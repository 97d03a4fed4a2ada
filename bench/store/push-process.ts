/** The process that pushes events in SQL, each in a transaction of its own. It does not use holdfast. */
import { Pool } from "pg";
import { token } from "../harness/payload.ts";
import { repeat } from "../harness/repeat.ts";
import { expose } from "../harness/rpc.ts";
import type { Place } from "./stores.ts";

let pool: Pool;
let channels: string[] = [];

const api = {
  async start(place: Place, prefix: string, count: number, notify: boolean): Promise<void> {
    channels = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    const options = `-c holdfast.notify=${notify ? "on" : "off"}`;
    pool = new Pool({ connectionString: String(place), options });
  },

  /** Pushes `events` events, one each `intervalMs`, to one channel after the other. */
  async pushPaced(events: number, intervalMs: number): Promise<void> {
    const all: Promise<unknown>[] = [];
    await repeat(events, intervalMs, () => {
      const channel = channels[all.length % channels.length];
      all.push(pool.query("SELECT holdfast.push($1, NULL, $2)", [channel, token()]));
    });
    await Promise.all(all);
  },
};

export type PushApi = typeof api;
expose(api);
