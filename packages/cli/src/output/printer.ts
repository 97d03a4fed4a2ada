import { once } from "node:events";
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import type { Record } from "../record.ts";
import { describe, describeSummary } from "./describe.ts";
import { escapeText, toSafeJson } from "./escape.ts";

type Style = Parameters<typeof styleText>[0];

export interface Printer {
  print(record: Record): void;
  /** Resolves when stdout has taken what was printed. */
  flushed(): Promise<void>;
}

export interface PrinterOptions {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly now?: () => Date;
}

/** Prints each record as a line of JSON. */
export function createJsonPrinter({ stdout, now = () => new Date() }: PrinterOptions): Printer {
  return {
    print: (record) => void stdout.write(`${toSafeJson({ time: now(), ...record })}\n`),
    flushed: () => flushed(stdout),
  };
}

/** Prints events to stdout and the rest to stderr, with colours where the stream is a terminal. */
export function createTextPrinter({ stdout, stderr, now = () => new Date() }: PrinterOptions): Printer {
  const paint = (stream: Writable, style: Style, text: string): string => styleText(style, text, { stream });

  function note(style: Style, mark: string, text: string): void {
    const line = `${mark} ${escapeText(text)}`;
    stderr.write(`${paint(stderr, "dim", timeOf(now()))} ${paint(stderr, style, line)}\n`);
  }

  return {
    print(record) {
      if (record.type === "event") {
        const { id, event, data } = record;
        const [first = "", ...more] = data.split("\n").map(escapeText);
        const head = [
          paint(stdout, "dim", timeOf(now())),
          paint(stdout, "yellow", id === undefined ? "-" : escapeText(id)),
          paint(stdout, "cyan", escapeText(event)),
        ];
        // The further lines of the data cannot be taken for events.
        stdout.write(`${[...head, first].join(" ")}\n${more.map((line) => `    ${line}\n`).join("")}`);
      } else if (record.type === "summary") {
        for (const line of describeSummary(record)) note("bold", "==", line);
      } else if (record.type === "finding") note(["bold", "red"], "!!", describe(record));
      else if (record.type === "error") note("red", "!!", describe(record));
      else note("dim", "--", describe(record));
    },
    flushed: () => flushed(stdout),
  };
}

async function flushed(stream: Writable): Promise<void> {
  if (stream.writableNeedDrain) await once(stream, "drain");
}

const timeOf = (date: Date): string =>
  [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":") + `.${String(date.getMilliseconds()).padStart(3, "0")}`;
