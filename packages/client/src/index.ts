// Two faces
export { connect } from "./connect.ts";
export type { ConnectOptions, DecoderMap, Message, TextMessage } from "./connect.ts";
export type { Connection } from "./engine.ts";
export { ResilientEventSource } from "./resilient-event-source.ts";
export type { ResilientEventSourceInit, StreamMessageEvent } from "./resilient-event-source.ts";

// What there is to see
export type { ConnectionState, StateListener } from "./state.ts";
export type { Again } from "./recovery.ts";
export type { StreamReset } from "./control.ts";
export { LossEvent } from "./loss-event.ts";

// Typed events
export { json, text } from "./decode.ts";
export type { Decoded, Decoder, Decoders, Schema } from "./decode.ts";

// Options
export type { Asked, RequestOptions, ResilienceOptions } from "./options.ts";
export type { Action, Details, Loss, LossReason, Policy } from "./outcome.ts";
export { createBreaker } from "./breaker.ts";
export type { Breaker, BreakerOptions, Permit } from "./breaker.ts";

// Time and failure
export type { BackoffOptions, PublicError } from "@holdfast/core";
export type { Timers } from "./clock.ts";
export { ConnectionError } from "./connection-error.ts";
export type { FailureReason } from "./connection-error.ts";
