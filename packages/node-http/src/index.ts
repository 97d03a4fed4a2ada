export * from "@holdfast/core";
export { sse } from "./sse.ts";
export type { NodeRequest } from "./sse.ts";
export type { NodeResponse } from "./node-sink.ts";
