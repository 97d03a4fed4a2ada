import { createRegistry, type Registry } from "@holdfast/hono";
import { postgresStore } from "@holdfast/postgres";
import type { Pool } from "pg";
import type { OrderEvents } from "./events.ts";

/** The registry of a web server. The worker needs none: it only pushes, in SQL. */
export function createFeeds(pool: Pool): Registry<OrderEvents> {
  return createRegistry<OrderEvents>({ store: postgresStore({ pool }) });
}
