import { validate } from "../base/validate.ts";
import { readOptions } from "../connection/options.ts";
import { createMultiplex, type Multiplex, type MultiplexOptions } from "../multiplex/multiplex.ts";
import { SharedConnection } from "../multiplex/shared-connection.ts";
import { resolveUrl } from "../request/resolve-url.ts";
import type { TabApis } from "./tab-apis.ts";
import { TabHost } from "./tab-host.ts";

// Tested by test/tabs.

/** Of what tabs say to each other: those of another release share among themselves. */
const VERSION = 1;

/** What is due within this time, in ms, is due soon. */
const SOON = 20;

/** Options of `multiplex` for all tabs. */
export interface SharedMultiplexOptions extends MultiplexOptions {
  /**
   * Who shares: the tabs of this origin that give the same URL and the same value, such as the id of the user. What one of
   * them may read, all of them get.
   */
  readonly shareAs: string;
}

/** Many streams on one connection, for all tabs. */
export interface SharedMultiplex extends Multiplex {
  /**
   * What this tab does: it reads for all tabs, it is read for, or it reads for itself, since the browser lacks an API or
   * refuses it.
   */
  readonly role: "leader" | "follower" | "alone";
}

/** @param apis `undefined` if this tab shares nothing */
export function createSharedMultiplex(
  url: string | URL,
  options: SharedMultiplexOptions,
  apis: TabApis | undefined,
): SharedMultiplex {
  const { shareAs } = { ...options }; // also of nothing at all
  validate(typeof shareAs === "string" && shareAs !== "", "shareAs", "the id of who shares", shareAs);
  const resolved = resolveUrl(url);
  let settings = readOptions(options);
  const connectionOf = (): SharedConnection => new SharedConnection(resolved, settings);
  if (!apis) return Object.assign(createMultiplex(connectionOf(), options), { role: "alone" } as const);
  const { clock } = settings;
  settings = { ...settings, clock: { now: () => clock.now(), after } };
  /** Nobody waits for a leader because its tab is hidden. */
  function after(ms: number, callback: () => void): () => void {
    return ms <= SOON && apis?.isVisible() === false ? apis.soon(ms, callback) : clock.after(ms, callback);
  }
  let name: Promise<string> | undefined;
  const nameOf = (): Promise<string> =>
    (name ??= apis.hash(`holdfast ${VERSION} ${JSON.stringify([resolved, shareAs])}`));
  const host = new TabHost(nameOf, apis, settings, connectionOf);
  return {
    ...createMultiplex(host, options),
    get role() {
      return host.role;
    },
  };
}
