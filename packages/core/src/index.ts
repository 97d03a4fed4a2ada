// Streams
export { createRegistry } from "./registry.ts";
export type {
  Channel,
  CloseOptions,
  Gauges,
  Registry,
  RegistryOptions,
  StreamInfo,
  StreamRef,
} from "./registry.ts";
export type { PipeFunction, PipeSource, StreamWriter } from "./writer.ts";
export type { Message, SubscribeOptions } from "./subscription.ts";
export type {
  AskSnapshot,
  FinishedSnapshot,
  PendingSnapshot,
  RunningSnapshot,
  Snapshot,
} from "./snapshot.ts";
export type { AnyEvents, SseEvent, StreamEvent } from "./event.ts";

// Answers
export { toResponse } from "./response.ts";
export type { Outgoing } from "./shortcut.ts";
export { serve } from "./serve.ts";
export { readCursor } from "./headers.ts";
export type { OpenSink, Sink, SinkEvents, SseRequest } from "./sink.ts";
export type {
  BareConnection,
  BareFunction,
  BareIterable,
  BareSource,
  Source,
  StreamSource,
} from "./source.ts";

// Around other people's streams
export { withHeartbeat } from "./with-heartbeat.ts";
export type { HeartbeatOptions } from "./with-heartbeat.ts";
export { poll } from "./sources/poll.ts";
export type { PollOptions, PollResult } from "./sources/poll.ts";
export { readEvents } from "./sources/read-events.ts";
export type { EventBody, ReadEventsOptions } from "./sources/read-events.ts";

// Options
export type {
  BufferOptions,
  DeliveryOptions,
  RegistryLimits,
  RegistrySettings,
  ServeOptions,
  StreamOptions,
  Surroundings,
} from "./options.ts";
export type { From, Reset } from "./position.ts";

// Building blocks
export { createLatch } from "./latch.ts";
export type { Cleanup, Latch, LatchOptions } from "./latch.ts";
export { bridgeAbort } from "./abort-bridge.ts";
export type { AbortTarget } from "./abort-bridge.ts";
export { createRingBuffer } from "./ring-buffer.ts";
export type { RingBuffer, RingBufferOptions } from "./ring-buffer.ts";
export { encodeComment, encodeEvent } from "./encode.ts";
export { backoff } from "./backoff.ts";
export type { BackoffOptions } from "./backoff.ts";

// Several machines
export type {
  OnWake,
  PageLimits,
  Store,
  StoreAppend,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreMeta,
  StoreOpen,
  StoreOpened,
  StorePage,
  StoreWake,
} from "./store.ts";

// Time, chance and failure
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { CloseReason, DrainReason, EndStatus, FailureStage, Observer, ResetReason } from "./observer.ts";
export { createCounters } from "./counters.ts";
export type { Counters, CounterValues } from "./counters.ts";
export { HoldfastError } from "./errors.ts";
export type { ErrorCode, HoldfastErrorOptions, PublicError } from "./errors.ts";
