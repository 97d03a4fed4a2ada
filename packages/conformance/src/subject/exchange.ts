import type { ServeOptions, Source } from "@holdfast/core";

/** A request and its response, in the terms of the framework under test. */
export interface Exchange {
  /** Path and query as they were received, or the whole URL. */
  readonly url: string;
  /** The body, read before the adapter is called. @default "" */
  readonly body?: string | undefined;
  /**
   * Sets a response header, as middleware does that runs before the handler. A second header of the same name is added
   * to the first. Omitted where nothing runs before the handler (`earlierHeaders`).
   */
  readonly setHeader?: (name: string, value: string) => void;
  /** Calls the adapter. */
  readonly sse: (source: Source, options?: ServeOptions) => Promise<unknown>;
}
