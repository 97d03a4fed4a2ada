import { connect, ConnectionError } from "@holdfast/client";
import { onTestFinished } from "vitest";

interface Chapter {
  readonly number: number;
  readonly run: number;
  readonly pid: number;
}

/** A reader of a report, with everything that it has received over all its connections. */
export interface ReportReader {
  /** The numbers in the ids of its events. */
  readonly numbers: readonly number[];
  /** Each beginning of a chapter. */
  readonly begun: readonly Chapter[];
  /** The text of each chapter; one that began anew replaces the one before. */
  readonly chapters: readonly string[];
  /** Each state of the connection. */
  readonly states: readonly string[];
  readonly resets: readonly unknown[];
  /** How the report has ended, as soon as it has. */
  readonly ended: Promise<string>;
}

/** Reads a report as the page does, until the test is finished. */
export function readReport(url: string): ReportReader {
  const [numbers, begun, chapters]: [number[], Chapter[], string[]] = [[], [], []];
  const [states, resets]: [string[], unknown[]] = [[], []];
  const report = connect(url, {
    backoff: { base: 100, cap: 500 },
    onReset: (reset) => void resets.push(reset),
  });
  onTestFinished(() => report.close());
  report.subscribe(({ status }) => void states.push(status));

  async function read(): Promise<string> {
    try {
      for await (const { id, event, data } of report) {
        numbers.push(Number(id.split(".")[1]));
        if (event === "chapter") {
          const chapter = JSON.parse(data) as Chapter;
          begun.push(chapter);
          chapters.splice(chapter.number - 1, Infinity, "");
        } else if (event === "report") chapters.push(...(JSON.parse(data) as string[]));
        else chapters[chapters.length - 1] += data;
      }
      return "done";
    } catch (error) {
      if (error instanceof ConnectionError) return error.reason;
      throw error;
    }
  }

  return { numbers, begun, chapters, states, resets, ended: read() };
}
