import { createScript, type Script } from "./script.ts";

/* A script, so that with a cluster the hint leaves from the node of its key. KEYS: meta. */
export const createDisconnect = (publish: string): Script =>
  createScript(publish, ["publish"], `publish('disconnect')`);
