import { browserApis } from "./browser-apis.ts";
import {
  createSharedMultiplex,
  type SharedMultiplex,
  type SharedMultiplexOptions,
} from "./shared-multiplex.ts";

export type { SharedMultiplex, SharedMultiplexOptions } from "./shared-multiplex.ts";

/**
 * Reads many streams and channels on one connection for all tabs of a browser: one tab reads, and hands on to the others
 * what they want. When it is closed, frozen or killed, another one goes on from where each tab is: nothing is lost or
 * doubled. It needs Web Locks and BroadcastChannel; where one is missing, each tab has its own connection.
 *
 * @throws TypeError for an option that is not valid
 *
 * @example
 * import { multiplex } from "@holdfast/client/tabs";
 *
 * const live = multiplex("/live", { shareAs: user.id });
 * const notices = live.connect("notices");
 */
export function multiplex(url: string | URL, options: SharedMultiplexOptions): SharedMultiplex {
  return createSharedMultiplex(url, options, browserApis());
}
