import type { HttpAgentConfig } from "@ag-ui/client";
import type { ResilienceOptions } from "@holdfast/client";

/** What of a connection can be set. */
export type ConnectionConfig = Pick<
  ResilienceOptions,
  | "backoff"
  | "breaker"
  | "clock"
  | "connectTimeout"
  | "credentials"
  | "giveUpAfter"
  | "idleTimeout"
  | "keepAlive"
  | "maxEventSize"
  | "onServerError"
  | "random"
>;

/** Options of {@link ResumableAgent}: those of `HttpAgent`, and those of `connect` of `@holdfast/client`. */
export interface ResumableAgentConfig extends HttpAgentConfig, ConnectionConfig {
  /** Where the run of a thread is read, with GET. @default `${url}/${threadId}/stream` */
  readonly resumeUrl?: (threadId: string) => string;
  /** Where the run of a thread is stopped, with POST. @default `${url}/${threadId}/stop` */
  readonly stopUrl?: (threadId: string) => string;
}
