import type { Express } from "express";
import type { FoundJob } from "./job-table.ts";

interface Database {
  find(id: string, after: number): Promise<FoundJob>;
}

/** The endpoint as it is often written by hand. The README lists its bugs, and the tests show them. */
export function pollByHand(app: Express, database: Database, interval = 500): void {
  app.get("/jobs/:id/stream", (req, res) => {
    let after = 0;
    res.writeHead(200, { "content-type": "text/event-stream" });
    // oxlint-disable-next-line typescript/no-misused-promises -- one of its bugs
    const timer = setInterval(async () => {
      const job = await database.find(req.params.id, after);
      for (const { event, data } of job.events) {
        res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        after++;
      }
      if (job.state === "done") {
        clearInterval(timer);
        res.end();
      }
    }, interval);
    req.on("close", () => clearInterval(timer));
  });
}
