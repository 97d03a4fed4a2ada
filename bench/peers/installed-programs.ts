import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export const NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** Programs that some peers need and that may not be installed. */
export const hasNchan: boolean = existsSync(NCHAN_MODULE);
export const hasRedis: boolean = spawnSync("redis-server", ["--version"]).error === undefined;

/** What is skipped on this machine, and which packages it needs. */
export const missingPrograms: readonly string[] = [
  ...(hasNchan
    ? []
    : ["Skipped: nginx + Nchan, not installed (Debian packages nginx-light, libnginx-mod-nchan)."]),
  ...(hasRedis
    ? []
    : ["Skipped: resumable-stream + Redis and W10, Redis is not installed (Debian package redis-server)."]),
];
