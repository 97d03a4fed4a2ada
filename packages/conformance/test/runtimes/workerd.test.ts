import { describe, expect, test } from "vitest";
import { findRuntime } from "./runtimes.ts";
import { inRuntime } from "./server.ts";

const start = inRuntime("workerd", findRuntime("workerd"), "toResponse");
test("x", async () => {
  const { port, tell } = await start(async () => 1);
  console.log(port, await tell!(JSON.stringify({ name: "begin", args: [{}] })));
});
