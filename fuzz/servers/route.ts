import type { ServeOptions, Source } from "@holdfast/core";

export interface Served {
  readonly source: Source;
  readonly options: ServeOptions;
}

/** What a server serves under a URL; `undefined` for nothing. */
export type Route = (url: string) => Served | undefined;
