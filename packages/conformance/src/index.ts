export { adapterSuite } from "./adapter-suite/adapter-suite.ts";
export type {
  AdapterUnderTest,
  Answer,
  Capabilities,
  Capability,
  Listening,
  Protocol,
} from "./harness/adapter.ts";
export { listen } from "./harness/listen.ts";
export type { Exchange } from "./subject/index.ts";
export type { Runner, Test } from "./runner.ts";
