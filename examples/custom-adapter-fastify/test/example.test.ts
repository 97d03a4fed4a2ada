import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { follow } from "../../common/test/follow.ts";
import { runServer } from "../../common/test/run-server.ts";

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");

test.each(["../sse.ts", "adapter.matrix.test.ts", "start.ts"])(
  "the documentation shows exactly %s",
  (file) => {
    expect(read("../../../docs/custom-adapter.md")).toContain(`\`\`\`ts\n${read(file)}\`\`\``);
  },
);

test("a client that reconnects continues after its last event", async () => {
  const server = runServer(join(import.meta.dirname, "../server.ts"), { PORT: "0" });
  const url = (await server.firstLine("stdout")).replace("The time is at ", "");
  let cursor: string | undefined;
  const seen: number[] = [];
  for (let connection = 0; connection < 2; connection++) {
    for await (const { id, event } of follow(url, cursor)) {
      if (event !== "tick") continue;
      cursor = id;
      seen.push(Number(id?.split(".")[1]));
      break;
    }
  }
  const [first = 0] = seen;
  expect(seen).toEqual([first, first + 1]);
  server.kill("SIGTERM");
  expect(await server.exited()).toBe(0);
});
