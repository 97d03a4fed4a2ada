import { type Browser, chromium } from "playwright-core";
import { installed } from "./installed.ts";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * How to start this machine's Chromium, which is installed where that is possible. Without one there is nothing to
 * start, and a line that says so; under CI that is an error.
 */
export function findChromium(): (() => Promise<Browser>) | undefined {
  const executablePath = installed("chromium", "chromium-browser", "google-chrome");
  if (executablePath === undefined) return undefined;
  return () => chromium.launch({ executablePath, args: FLAGS });
}
