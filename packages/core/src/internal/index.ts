/** For holdfast's own packages, which are bundled from source. Not published. */
export { wallTime } from "../base/clock.ts";
export { type ChunkedResponse, fastPathSocket, writeChunk } from "../connection/chunk-writer.ts";
export { type PipelinedResponse, waitForTurn } from "../connection/response-turn.ts";
export { MAX_JOINTS } from "../protocol/cursor.ts";
export { isStreamId, parseId } from "../protocol/event-id.ts";
export { isEventStream } from "../protocol/headers.ts";
export { createReport } from "../protocol/observer.ts";
export type { Report } from "../protocol/observer.ts";
export { decode, json, text } from "../contract/decoder.ts";
export { createSubscriber } from "../store-kit/subscriber.ts";
export type { PubSubConnection, PubSubEvents, SubscriberOptions } from "../store-kit/subscriber.ts";
export { makeMarker, toInteger } from "../store-kit/stored-values.ts";
export { sleep, withTimeout } from "../store-kit/with-timeout.ts";
