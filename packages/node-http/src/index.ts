export * from "@holdfast/core";
export { sse } from "./sse.ts";
export type { NodeRequest, NodeResponse } from "./sse.ts";
