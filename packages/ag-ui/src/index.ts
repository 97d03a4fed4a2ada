// The page
export { ResumableAgent } from "./agent/resumable-agent.ts";
export type { ResumableAgentConfig } from "./agent/config.ts";

// The server
export { pipeRun } from "./server/pipe-run.ts";
export type { RunEvents, RunSource } from "./server/pipe-run.ts";
export { runControl } from "./server/run-control.ts";
