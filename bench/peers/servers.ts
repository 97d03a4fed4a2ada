import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export const NCHAN_MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** Programs that some peers need, where they are on the machine. */
export const hasNchan: boolean = existsSync(NCHAN_MODULE);
export const hasRedis: boolean = spawnSync("redis-server", ["--version"]).error === undefined;

/** What is left out here, and what would bring it. */
export const missingServers: readonly string[] = [
  ...(hasNchan ? [] : ["Left out: nginx + Nchan (Debian: nginx-light libnginx-mod-nchan)."]),
  ...(hasRedis ? [] : ["Left out: resumable-stream + Redis, and W10 (Debian: redis-server)."]),
];
