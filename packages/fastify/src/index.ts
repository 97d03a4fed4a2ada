export * from "@holdfast/core";
export { sse } from "./sse.ts";
