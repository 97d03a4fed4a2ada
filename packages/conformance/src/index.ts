export { adapterSuite } from "./adapter-suite/adapter-suite.ts";
export type {
  AdapterUnderTest,
  Answer,
  Capabilities,
  Capability,
  Listening,
  Protocol,
} from "./adapter-suite/adapter.ts";
export { listen } from "./adapter-suite/listen.ts";
export type { Exchange } from "./subject/index.ts";
export type { Runner, Test } from "./runner.ts";
