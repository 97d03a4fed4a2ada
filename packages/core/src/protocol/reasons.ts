// Types only. Tested by test/protocol/examples.test.ts and test/observability/counters.test.ts.

/**
 * How a stream ended. `done`: its producer ended it. `failed`: its producer failed. `cancelled`: `registry.cancel` or
 * `registry.close` ended it. `expired`: there was neither a push nor a reader for `idle`. `lost`: its producer's
 * process died, and its lease in the store ran out.
 */
export type EndStatus = "done" | "failed" | "cancelled" | "expired" | "lost";

/**
 * Why the server closes a connection whose stream goes on, and asks the client to reconnect: the `reason` of
 * `stream.drain`. `shutdown`: the registry closes. `max-duration`: the connection was open for `maxDuration`.
 * `aborted`: the `signal` of the call aborted. `busy`: a limit is reached. `waiting`: there was no stream within
 * `wait`.
 */
export type DrainReason = "shutdown" | "max-duration" | "aborted" | "busy" | "waiting";

/**
 * Why a client cannot continue at its cursor: the `reason` of `stream.reset`. `trimmed`: the buffer no longer holds the
 * next event. `epoch`: the cursor belongs to another life of the stream. `ahead`: the stream does not have that event
 * yet. `invalid`: the cursor is not an event id of a stream.
 */
export type ResetReason = "trimmed" | "epoch" | "ahead" | "invalid";

/**
 * Why a connection closed; if there were several reasons, the first. `ended`: the terminal record was written.
 * `disconnected`: the client left. `zombie`: the client read nothing for `idleTimeout`. `overflow`: a bare source pushed
 * more than the client took and the buffer holds. `closed`: a bare source ended. `failed`: a bare source or the sink
 * threw. `reset`: the client has lost events behind those that it got on this connection, and cannot be told, since
 * control events are not dispatched. The others are those of {@link DrainReason}.
 */
export type CloseReason =
  | "ended"
  | "disconnected"
  | "zombie"
  | "overflow"
  | "closed"
  | "failed"
  | "reset"
  | DrainReason;
