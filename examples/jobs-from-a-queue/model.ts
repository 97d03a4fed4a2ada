import { setTimeout } from "node:timers/promises";
import type { Job } from "bullmq";
import { watchFaults } from "./faults.ts";
import type { ReportJob } from "./reports.ts";
import { textOfChapter } from "./text-of-chapter.ts";

const TOKEN_MS = 60;

/** Stands for a language model: it writes a chapter of a report, token by token. */
export async function* writeChapter(
  { id, data }: Job<ReportJob>,
  number: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  using fault = watchFaults(id as string);
  for (const token of textOfChapter(data.topic, number).split(/(?= )/)) {
    await setTimeout(TOKEN_MS, undefined, { signal });
    fault.throwIfAny();
    yield token;
  }
}
