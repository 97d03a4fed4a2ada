import { validate } from "../base/validate.ts";
import { readOptions } from "../connection/options.ts";
import { createMultiplex, type Multiplex, type MultiplexOptions } from "../multiplex/multiplex.ts";
import { SharedConnection } from "../multiplex/shared-connection.ts";
import { resolveUrl } from "../request/resolve-url.ts";
import type { TabApis } from "./tab-group.ts";
import { TabHost } from "./tab-host.ts";

/** Options of `multiplex` for all tabs. */
export interface SharedMultiplexOptions extends MultiplexOptions {
  /**
   * Who shares: tabs with the same value share one connection, for example those of one user. Never let two users share.
   */
  readonly shareAs: string;
}

/** Many streams on one connection, for all tabs. */
export interface SharedMultiplex extends Multiplex {
  /** What this tab does: it reads for all tabs, it is read for, or it reads for itself, since the browser lacks an API. */
  readonly role: "leader" | "follower" | "alone";
}

export function createSharedMultiplex(
  url: string,
  options: SharedMultiplexOptions,
  name: string,
  apis: TabApis | undefined,
): SharedMultiplex & { suspend(): void; resume(): void } {
  validate(
    typeof options.shareAs === "string" && options.shareAs !== "",
    "shareAs",
    "a name",
    options.shareAs,
  );
  resolveUrl(url);
  const settings = readOptions(options);
  const connectionOf = (): SharedConnection => new SharedConnection(url, settings);
  const host = apis && new TabHost(name, apis, settings.clock, connectionOf);
  const live = createMultiplex((host ?? connectionOf()) as never, options);
  return {
    ...live,
    get role() {
      return host?.role ?? "alone";
    },
    suspend: () => host?.suspend(),
    resume: () => host?.resume(),
  };
}
