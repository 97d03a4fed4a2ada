export * from "@holdfast/core/app";
export { sse } from "./sse.ts";
