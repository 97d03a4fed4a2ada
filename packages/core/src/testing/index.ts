export { createFakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export { createMemoryClient } from "./memory-client.ts";
export type { MemoryClient, MemoryClientOptions } from "./memory-client.ts";
