import { readdirSync, readFileSync } from "node:fs";
import type { FirefoxPage } from "./firefox-page.ts";

interface Process {
  readonly pid: number;
  readonly command: string;
  /** The time that it has used the processor, in ticks. */
  readonly used: number;
}

function readProcesses(): Process[] {
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return pids.flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      // The name, in parentheses, may have spaces.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return [{ pid, command, used: Number(fields[11]) + Number(fields[12]) }];
    } catch {
      return []; // it has exited meanwhile
    }
  });
}

/** The processes that run the pages of the Firefox with this profile. */
function pageProcesses(profile: string): Process[] {
  const processes = readProcesses();
  const mains = processes.filter(({ command }) => command.includes(profile));
  const isChild = ({ command }: Process): boolean =>
    mains.some(({ pid }) => command.includes(` -parentPid ${pid} `));
  return processes.filter((one) => isChild(one) && one.command.trimEnd().endsWith(" tab"));
}

/** Kills the process of a page. Nothing says which one it is, so it is the one that works when the page does. */
export async function killProcessOf(profile: string, page: FirefoxPage): Promise<void> {
  const before = new Map(pageProcesses(profile).map(({ pid, used }) => [pid, used]));
  await page.evaluate("for (const start = performance.now(); performance.now() < start + 1_000; );");
  const gain = ({ pid, used }: Process): number => used - (before.get(pid) ?? used);
  const [busiest] = pageProcesses(profile).toSorted((one, other) => gain(other) - gain(one));
  if (!busiest) throw new Error("Firefox has no page.");
  process.kill(busiest.pid, "SIGKILL");
}
