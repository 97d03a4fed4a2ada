export { useStream } from "./use-stream.ts";
export type { ReducedStream, StreamControls, StreamMessages, StreamState } from "./result.ts";
export type { StreamMessage, StreamOptions } from "./options.ts";
