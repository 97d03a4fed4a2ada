/*
 * Starts the server, and starts it again whenever it is killed. Its streams are in a file, so that the jobs go on and the
 * readers of the page miss nothing.
 */
import { join } from "node:path";
import { supervise } from "../common/supervise.ts";

supervise({ script: join(import.meta.dirname, "server.ts"), file: "JOBS_DB" });
