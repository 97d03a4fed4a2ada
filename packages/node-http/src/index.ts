export * from "@holdfast/core/app";
export { sse, toExchange } from "./sse.ts";
export type { NodeExchange, NodeRequest } from "./sse.ts";
export type { NodeResponse } from "./node-response.ts";
