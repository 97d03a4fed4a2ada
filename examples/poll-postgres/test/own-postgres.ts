import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOrInstall } from "../../common/test/find-or-install.ts";

const VERSIONS = "/usr/lib/postgresql";

export interface OwnPostgres {
  /** The folder of its socket. */
  readonly host: string;
  readonly user: string;
  stop(): Promise<void>;
}

/** Starts a Postgres that listens on a socket in a new folder. `undefined` where there is none. */
export async function startPostgres(): Promise<OwnPostgres | undefined> {
  // Debian has the server's programs in a folder for each version, and this one on the PATH.
  if (findOrInstall("postgresql", "pg_ctlcluster") === undefined) return undefined;
  const programs = join(VERSIONS, readdirSync(VERSIONS).at(-1) as string, "bin");
  const folder = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
  const identity = otherThanRoot(folder);
  const data = join(folder, "data");
  const options = ["-D", data, "-U", "holdfast", "-A", "trust", "--no-sync"];
  execFileSync(join(programs, "initdb"), options, { ...identity, cwd: folder, stdio: "ignore" });
  const settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder];
  const server = spawn(join(programs, "postgres"), ["-D", data, ...settings], {
    ...identity,
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(server, "exit");
  for await (const line of server.stderr.iterator({ destroyOnReturn: false })) {
    if (String(line).includes("ready to accept connections")) break;
  }
  server.stderr.resume();
  return {
    host: folder,
    user: "holdfast",
    async stop() {
      server.kill("SIGINT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Postgres refuses to run as root. */
function otherThanRoot(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string): number => Number(execFileSync("id", [option, "postgres"]));
  const identity = { uid: idOf("-u"), gid: idOf("-g") };
  chownSync(folder, identity.uid, identity.gid);
  return identity;
}
