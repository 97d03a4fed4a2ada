/*
 * The exports for applications, which every adapter re-exports. `serve` is not one of them: only adapters call it, and
 * its name would collide with the `serve` of `@hono/node-server` and others, which starts a server.
 */

// Streams
export { createRegistry } from "../registry/registry.ts";
export type {
  Channel,
  CloseOptions,
  Gauges,
  OpenOptions,
  Registry,
  RegistryOptions,
  StreamRef,
} from "../registry/types.ts";
export type { CancelOptions, IfExists } from "../stream/stream-host.ts";
export type { StreamInfo } from "../stream/stream-info.ts";
export type {
  FailOptions,
  Piped,
  PipeFunction,
  PipeSource,
  StreamStatus,
  StreamWriter,
} from "../stream/writer.ts";
export type { Control, ControlEvent, OpenData } from "../protocol/control-events.ts";
export type { Message, SubscribeOptions } from "../stream/subscription.ts";
export type {
  AskSnapshot,
  FinishedSnapshot,
  PendingSnapshot,
  RunningSnapshot,
  Snapshot,
} from "../stream/snapshot.ts";
export type { AnyEvents, SseEvent, StreamEvent } from "../protocol/event.ts";

// A contract: the events of a registry, for both sides
export { json, text } from "../contract/decoder.ts";
export type { Decoded, Decoder, DecoderMap, Decoders, Pushed, Schema } from "../contract/decoder.ts";
export type { DecodedMessage } from "../contract/decoded-messages.ts";
export type { NamedEvent, Pushable } from "../contract/pushable.ts";

// Responses
export { toResponse } from "../connection/to-response.ts";
export { readCursor } from "../protocol/headers.ts";
export { createWebSink } from "../connection/web-sink.ts";
export type { BodySink, WebSink } from "../connection/web-sink.ts";
export type { ClientState, Compression, OpenSink, Sink, SinkEvents, SseRequest } from "../connection/sink.ts";
export type {
  BareConnection,
  BareFunction,
  BareIterable,
  BareSource,
  Source,
  StreamSource,
} from "../connection/source.ts";

// Sources and streams of other libraries
export { withHeartbeat } from "../sources/with-heartbeat.ts";
export type { HeartbeatOptions } from "../sources/with-heartbeat.ts";
export { poll } from "../sources/poll.ts";
export type { PollOptions, PollResult } from "../sources/poll.ts";
export { readEvents } from "../sources/read-events.ts";
export type { EventBody, ReadEventsOptions } from "../sources/read-events.ts";
export type { UpstreamMessage, UpstreamRules } from "../sources/upstream-parser.ts";
export { anthropic, openai } from "../sources/profiles.ts";
export { textDeltas } from "../sources/text-deltas.ts";
export type { LlmAnswer, TextDelta, TextDeltasOptions } from "../sources/text-deltas.ts";
export type { TokenUsage, UpstreamProfile } from "../sources/profiles.ts";

// Options
export type {
  BufferOptions,
  DeliveryOptions,
  Filter,
  RegistryLimits,
  RegistrySettings,
  StreamOptions,
  Surroundings,
} from "../connection/options.ts";
export type { CloseInfo, ServeOptions } from "../connection/serve-options.ts";
export type { ConnectionInfo } from "../connection/connection-pool.ts";
export type { ConnectionLabels } from "../protocol/observer.ts";
export type { From, Reset } from "../protocol/cursor.ts";

// Building blocks
export { createLatch } from "../base/latch.ts";
export type { Cleanup, Latch, LatchOptions } from "../base/latch.ts";
export { bridgeAbort } from "../base/abort-bridge.ts";
export type { AbortTarget } from "../base/abort-bridge.ts";
export { createRingBuffer } from "../log/ring-buffer.ts";
export type { RingBuffer, RingBufferOptions } from "../log/ring-buffer.ts";
export { encodeComment, encodeEvent } from "../protocol/encode.ts";
export { backoff } from "../base/backoff.ts";
export type { BackoffOptions } from "../base/backoff.ts";

// Stores
export type { Joint } from "../protocol/cursor.ts";
export type {
  OnWake,
  PageLimits,
  Store,
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoredInterruption,
  StoreHint,
  StoreMeta,
  StoreOpen,
  StoreOpened,
  StorePage,
  StoreWake,
} from "../store/store.ts";

// Time, observation and errors
export { systemClock } from "../base/clock.ts";
export type { Clock } from "../base/clock.ts";
export type { FailureStage, Observer } from "../protocol/observer.ts";
export type { CloseReason, DrainReason, EndStatus, ResetReason } from "../protocol/reasons.ts";
export { createCounters } from "../observability/counters.ts";
export type { Counters, CounterValues } from "../observability/counters.ts";
export { HoldfastError } from "../base/errors.ts";
export type { ErrorCode, HoldfastErrorOptions, PublicError } from "../base/errors.ts";
