// The interfaces
export { connect } from "./connect.ts";
export type { ConnectOptions } from "./connect.ts";
export { multiplex } from "./multiplex/multiplex.ts";
export type { MemberOptions, Multiplex, MultiplexOptions } from "./multiplex/multiplex.ts";
export { ResilientEventSource } from "./resilient-event-source.ts";
export type { ResilientEventSourceInit, StreamMessageEvent } from "./resilient-event-source.ts";

// A connection and its state
export type { Connection } from "./connection/connection.ts";
export type { DecodeOptions, Message, TextMessage } from "./connection/decode.ts";
export type { ConnectionState, StateListener } from "./connection/state.ts";
export { LossEvent } from "./event-source/loss-event.ts";
export type { Again } from "./retry/retry-planner.ts";
export type { StreamReset } from "./stream/control-event.ts";

// Typed events
export { json, text } from "./stream/decoder.ts";
export type { Decoded, Decoder, DecoderMap, Decoders, Schema } from "./stream/decoder.ts";

// Options
export type { Timers } from "./base/clock.ts";
export type { ResilienceOptions } from "./connection/options.ts";
export type { Asked, RequestOptions } from "./request/request-options.ts";
export { createBreaker } from "./retry/breaker.ts";
export type { Breaker, BreakerOptions, Permit } from "./retry/breaker.ts";
export type { Action, Loss, LossReason, Policy } from "./retry/loss.ts";
export type { BackoffOptions } from "@holdfast/core";

// Failures
export { ConnectionError } from "./retry/connection-error.ts";
export type { Details, FailureReason } from "./retry/connection-error.ts";
export type { EndStatus, PublicError } from "@holdfast/core";
