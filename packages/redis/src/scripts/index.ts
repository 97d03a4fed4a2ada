import { createAppend } from "./append.ts";
import { createCancel } from "./cancel.ts";
import { createDisconnect } from "./disconnect.ts";
import { createLost } from "./lost.ts";
import { createMarker } from "./marker.ts";
import { createOpen } from "./open.ts";
import { createRead } from "./read.ts";
import type { Script } from "./script.ts";

export { LAYOUT, OTHER_LAYOUT } from "./script.ts";
export type { Script } from "./script.ts";

export interface Scripts {
  readonly open: Script;
  readonly append: Script;
  readonly read: Script;
  readonly cancel: Script;
  readonly lost: Script;
  readonly marker: Script;
  readonly disconnect: Script;
}

/** @param sharded whether hints go through sharded channels, as with a cluster */
export function createScripts(sharded: boolean): Scripts {
  const publish = sharded ? "SPUBLISH" : "PUBLISH";
  return {
    open: createOpen(publish),
    append: createAppend(publish),
    read: createRead(publish),
    cancel: createCancel(publish),
    lost: createLost(publish),
    marker: createMarker(),
    disconnect: createDisconnect(publish),
  };
}
