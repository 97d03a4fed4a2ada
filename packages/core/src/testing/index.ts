export { createFakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export { createMemoryClient } from "./memory-client.ts";
export type { MemoryClient, MemoryClientOptions } from "./memory-client.ts";
export { createMemoryStore } from "./memory-store.ts";
export type { MemoryStore, MemoryStoreOptions } from "./memory-store.ts";
