import { type Browser, chromium } from "playwright-core";
import { findOrInstall } from "./find-or-install.ts";

export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The path of Chromium, which is installed first where possible. See `findOrInstall`. */
export const findChromiumPath = (): string | undefined =>
  findOrInstall("chromium", "chromium-browser", "google-chrome");

/**
 * Returns a function that starts Chromium, which is installed first where possible. Without Chromium it logs a line and
 * returns `undefined`; under CI it throws.
 */
export function findChromium(): (() => Promise<Browser>) | undefined {
  const executablePath = findChromiumPath();
  if (executablePath === undefined) return undefined;
  return () => chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
}
