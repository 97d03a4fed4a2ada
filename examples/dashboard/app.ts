import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { multiplex } from "@holdfast/core/multiplex";
import { createCounters, createRegistry, sse } from "@holdfast/hono";
import { Hono } from "hono";
import { bundleClient } from "../common/client-bundle.ts";
import type { FeedEvents, Figures, JobEvents, ValueEvents } from "./events.ts";
import { Factory } from "./factory.ts";

export interface AppOptions {
  /** The time between two events of a kind, in ms. @default 250 */
  readonly interval?: number;
}

/** The demo: a page of tabs, and a job, a feed and current values for all of them on one connection. */
export function createApp({ interval = 250 }: AppOptions = {}): {
  readonly app: Hono;
  readonly close: () => Promise<void>;
} {
  const counters = createCounters();
  const jobs = createRegistry<JobEvents>();
  // Connections belong to this registry, and are counted there.
  const feeds = createRegistry<FeedEvents>({ observer: counters });
  const values = createRegistry<ValueEvents>({
    latestBy: ({ event, data }) => (event === "load" ? data.name : event),
  });
  const feed = feeds.channel("feed");
  const loads = values.channel("values");
  const factory = new Factory({ jobs, feed, values: loads, interval });

  const app = new Hono();
  app.all("/live", (c) => {
    const members = multiplex((member) => {
      if (member === "feed") return feed;
      if (member === "values") return loads;
      return member.startsWith("jobs/") ? jobs.stream(member.slice("jobs/".length)) : 404;
    });
    return sse(c, members, { registry: feeds });
  });

  app.post("/jobs", async (c) => {
    await factory.startJob();
    return c.body(null, 204);
  });

  app.get("/figures", (c) => {
    const { connections } = feeds.gauges();
    return c.json<Figures>({ connections, opened: counters.read().connections.opened });
  });

  app.get("/holdfast-tabs.js", async (c) =>
    c.body(await bundleClient("@holdfast/client/tabs"), 200, { "content-type": "text/javascript" }),
  );
  for (const root of [join(import.meta.dirname, "public"), join(import.meta.dirname, "../common/page")]) {
    app.use(serveStatic({ root }));
  }

  async function close(): Promise<void> {
    factory.stop();
    await Promise.all(
      [jobs, feeds, values].map((registry) => registry.close({ deadline: 2_000, spread: 1_000 })),
    );
  }
  return { app, close };
}
