import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export const NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** Programs that some peers need and that may not be installed. */
export const hasNchan: boolean = existsSync(NCHAN_MODULE);
export const hasPostgres: boolean = existsSync("/usr/lib/postgresql") || isInstalled("postgres");
export const hasRedis: boolean = isInstalled("redis-server");

/** What is skipped on this machine, and which packages it needs. */
export const missingPrograms: readonly string[] = [
  ...(hasNchan
    ? []
    : ["Skipped: nginx + Nchan, not installed (Debian packages nginx-light, libnginx-mod-nchan)."]),
  ...(hasRedis
    ? []
    : ["Skipped: resumable-stream and all of Redis, not installed (Debian package redis-server)."]),
  ...(hasPostgres ? [] : ["Skipped: all of Postgres, not installed (Debian package postgresql)."]),
];

function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}
