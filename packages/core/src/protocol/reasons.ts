/** How a stream ended. */
export type EndStatus = "done" | "failed" | "cancelled" | "expired" | "lost";

/** Why this server closes a connection whose stream goes on: the `reason` of `stream.drain`. */
export type DrainReason = "shutdown" | "max-duration" | "aborted" | "busy" | "waiting";

/** Why a cursor could not be honoured: the `reason` of `stream.reset`. */
export type ResetReason = "trimmed" | "epoch" | "ahead" | "invalid";

/**
 * Why a connection closed; the first reason wins. `ended`: the terminal record went out. `disconnected`: the
 * client left. `zombie`: it did not read for `idleTimeout`. `overflow`: a pushing source outran it. `closed`:
 * a bare source returned. `failed`: a bare source threw, or the sink did.
 */
export type CloseReason =
  | "ended"
  | "disconnected"
  | "zombie"
  | "overflow"
  | "closed"
  | "failed"
  | DrainReason;
