import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";

const MISSING =
  "Postgres is not installed. Install it (apt install postgresql, brew install postgresql), or use your own: DATABASE_URL=postgres://user@host/database";

export interface OwnPostgres {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Restarts it with its data. `immediate` is a crash. */
  restart(how: "fast" | "immediate"): Promise<void>;
  /** Stops it, and removes its data. It also happens when this process exits. */
  stop(): void;
}

/**
 * Starts a Postgres for this process, on a free port and with a folder of its own.
 *
 * @param settings added to the command line, such as `fsync: "off"`
 * @param parent where its folder is created
 * @throws an error that says what to do, if Postgres is not installed
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  parent: string = tmpdir(),
): Promise<OwnPostgres> {
  const programs = findPrograms();
  if (programs === undefined) throw new Error(MISSING);
  const folder = mkdtempSync(join(parent, "holdfast-postgres-"));
  const as = { ...otherThanRoot(folder), cwd: folder };
  const data = join(folder, "data");
  const init = ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  execFileSync(join(programs, "initdb"), init, { ...as, stdio: "ignore" });

  const port = await freePort();
  const all = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    ...settings,
  };

  async function start(): Promise<ChildProcess> {
    const started = spawn(
      join(programs as string, "postgres"),
      ["-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      { ...as, stdio: ["ignore", "ignore", "pipe"] },
    );
    child = started;
    let log = "";
    for await (const chunk of started.stderr.iterator({ destroyOnReturn: false })) {
      log += String(chunk);
      if (log.includes("ready to accept connections")) break;
    }
    started.stderr.resume();
    if (started.exitCode !== null) throw new Error(`Postgres exited with ${started.exitCode}.\n${log}`);
    return started;
  }

  let child: ChildProcess | undefined;
  let isStopped = false;
  const stop = (): void => {
    if (isStopped) return;
    isStopped = true;
    process.off("exit", stop);
    // Nothing here is kept, so it need not stop in order.
    const how = ["stop", "-D", data, "-m", "immediate"];
    if (child?.exitCode === null) execFileSync(join(programs, "pg_ctl"), how, { ...as, stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", stop);

  return {
    url: `postgres://holdfast@127.0.0.1:${port}/postgres`,
    port,
    process: await start(),
    async restart(how) {
      const exited = once(child as ChildProcess, "exit");
      child?.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
      await exited;
      await start();
    },
    stop,
  };
}

/** Debian has the programs in a folder for each version, and not all of them on the PATH. */
const DEBIAN = "/usr/lib/postgresql";

/** The folder of the programs of the newest Postgres that is installed. */
export function findPrograms(): string | undefined {
  const path = process.env["PATH"]?.split(delimiter) ?? [];
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : [];
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a));
  return [...newestFirst.map((version) => join(DEBIAN, version, "bin")), ...path].find((folder) =>
    existsSync(join(folder, "initdb")),
  );
}

/** Postgres refuses to run as root. */
function otherThanRoot(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string): number => Number(execFileSync("id", [option, "postgres"]));
  const identity = { uid: idOf("-u"), gid: idOf("-g") };
  chownSync(folder, identity.uid, identity.gid);
  return identity;
}
