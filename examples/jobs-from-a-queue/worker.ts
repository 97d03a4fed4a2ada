import { HoldfastError, type StreamEvent, type StreamWriter } from "@holdfast/hono";
import { type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import { listenForFaults } from "./faults.ts";
import { writeChapter } from "./model.ts";
import { client, queue, type ReportEvents, type ReportJob, type ReportResult, reports } from "./reports.ts";

const CHAPTERS = 5;

type ReportRun = Job<ReportJob, ReportResult>;

const worker = new Worker<ReportJob, ReportResult>(queue.name, run, {
  connection: client,
  concurrency: 5,
  lockDuration: 10_000, // after 10 to 15 s the job of a dead worker is run again
  stalledInterval: 5_000,
  maxStalledCount: 10, // how many workers may die of one job
});
worker.on("error", (error) => console.error("Worker:", error));

async function run(job: ReportRun, token?: string): Promise<ReportResult> {
  try {
    return await writeReport(job);
  } catch (error) {
    if (!worker.closing || error instanceof UnrecoverableError) throw error;
    // This process shuts down: another worker goes on at once, and this run does not count.
    await job.moveToWait(token);
    throw new WaitingError();
  }
}

async function writeReport(job: ReportRun): Promise<ReportResult> {
  const id = job.id as string;
  const isLastRun = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
  let failure: unknown;
  let status: string | undefined;
  try {
    const report = await reports.open(id, { ifExists: "append" });
    status = await report.pipe(async function* ({ signal }) {
      try {
        yield* write(job, report, signal);
      } catch (error) {
        failure = error;
        if (!isLastRun) throw error; // the stream is interrupted, until the next run
        throw new HoldfastError("SOURCE_FAILED", "The report could not be written.", { cause: error });
      }
    });
  } catch (error) {
    // An earlier run has ended the stream, but its worker died before the queue knew.
    if (!HoldfastError.is(error) || error.code !== "STREAM_ENDED") throw error;
    status = (await reports.find(id))?.status;
  }
  if (status === "done") return textOf(id);
  if (status === "cancelled") return null;
  if (status === "failed") throw new UnrecoverableError(String(failure));
  throw failure ?? new Error(`The stream is ${status}.`);
}

async function* write(
  job: ReportRun,
  report: StreamWriter<ReportEvents>,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent<ReportEvents>> {
  // The stream may have begun anew, because the run before was too long ago. Then nothing is finished.
  if (report.last < job.data.at) await job.updateData({ ...job.data, finished: 0, at: 0 });

  for (let number = job.data.finished + 1; number <= CHAPTERS; number++) {
    const about = { number, of: CHAPTERS, run: job.attemptsStarted, pid: process.pid };
    yield { event: "chapter", data: about };
    for await (const token of writeChapter(job, number, signal)) yield { event: "token", data: token };

    await report.flush(); // Every token of this chapter is stored,
    await job.updateData({ ...job.data, finished: number, at: report.last }); // so it is not written again.
  }
}

/** The chapters as their readers have them. */
async function textOf(id: string): Promise<string[]> {
  const chapters: string[] = [];
  for await (const { event, data } of reports.subscribe(id)) {
    if (event === "chapter") chapters.splice(JSON.parse(data).number - 1, Infinity, "");
    else chapters[chapters.length - 1] += data;
  }
  return chapters;
}

process.once("SIGTERM", async () => {
  const closed = worker.close(); // takes no more jobs, and waits for those that run
  await reports.close({ grace: 5_000 }); // gives them 5 s, then interrupts them
  await closed; // they are back in the queue
  process.exit();
});

await listenForFaults(); // for the buttons of the page
process.once("disconnect", () => process.exit()); // the process that started this one has exited
