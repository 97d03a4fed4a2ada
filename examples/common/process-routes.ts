import { Hono } from "hono";

export interface ProcessRoutesOptions {
  /** Kills this process, which somebody else starts again. Without it the page has no button for that. */
  readonly kill?: (() => void) | undefined;
  /** Lets another process take over while this one finishes. */
  readonly retire?: (() => void) | undefined;
}

/** What a page needs to know and to end the process that serves it. */
export function processRoutes({ kill, retire }: ProcessRoutesOptions): Hono {
  const app = new Hono();
  app.get("/process", (c) => c.json({ pid: process.pid, canBeKilled: kill !== undefined }));
  for (const [path, action] of [
    ["/kill", kill],
    ["/deploy", retire],
  ] as const) {
    if (action === undefined) continue;
    app.post(path, (c) => {
      // Behind the response.
      setTimeout(action, 10);
      return c.body(null, 204);
    });
  }
  return app;
}
