import type { ServeOptions, Source } from "@holdfast/core";

/** A request, as a framework hands it over. */
export interface Exchange {
  /** Path and query, as they came; a whole URL is as good. */
  readonly url: string;
  /** The body, read before the adapter is called. @default "" */
  readonly body?: string | undefined;
  /**
   * Sets a header of the response as middleware does that runs before the handler; a second one of its name is kept as
   * well. Left out where nothing runs before the handler (`earlierHeaders`).
   */
  readonly setHeader?: (name: string, value: string) => void;
  /** Calls the adapter. */
  readonly sse: (source: Source, options?: ServeOptions) => Promise<unknown>;
}
