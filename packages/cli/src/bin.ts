#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { HELP } from "./help.ts";
import { type Command, readCommand } from "./options.ts";
import { escapeText } from "./output/escape.ts";
import { createJsonPrinter, createTextPrinter } from "./output/printer.ts";
import { EXIT, tail } from "./tail.ts";
import { UsageError } from "./usage-error.ts";

/** What a shell shows for a program that a second Ctrl-C has ended. */
const INTERRUPTED = 130;

async function run(command: Command): Promise<number> {
  const { stdout, stderr } = process;
  if (command.name === "help") {
    stdout.write(HELP);
    return EXIT.ended;
  }
  if (command.name === "version") {
    const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
    stdout.write(`${(JSON.parse(manifest) as { version: string }).version}\n`);
    return EXIT.ended;
  }
  const { options } = command;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(INTERRUPTED);
      stop.abort();
    });
  }
  // Whoever reads the output has left, for example `head`.
  stdout.on("error", () => process.exit(EXIT.ended));
  const printer = (options.json ? createJsonPrinter : createTextPrinter)({ stdout, stderr });
  return tail(options, printer, stop.signal);
}

try {
  process.exitCode = await run(readCommand(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`holdfast: ${escapeText(error.message)}\nTry: holdfast --help\n`);
  process.exitCode = EXIT.usage;
}
