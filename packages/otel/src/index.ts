export { createOtelObserver } from "./otel-observer.ts";
export type { ObservedRegistry, OtelObserver, OtelOptions } from "./otel-observer.ts";
