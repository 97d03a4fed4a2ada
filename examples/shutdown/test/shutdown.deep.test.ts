import { join } from "node:path";
import { expect, test } from "vitest";
import { follow, type Received } from "../../common/test/follow.ts";
import { expectCleanShutdown } from "./expect-clean-shutdown.ts";
import { type Command, runServer } from "./run-server.ts";

const resolve = (path: string): string => join(import.meta.dirname, path);

const command = (script: string): Command => ({
  args: [
    "--conditions=@holdfast/source",
    `--import=${resolve("../../frameworks/decorators.ts")}`,
    resolve(script),
  ],
});

test.for(["express", "fastify", "h3", "hono", "nestjs"])(
  "with %s, the client is asked to reconnect, and the process exits with 0 within 3 s",
  (name) => expectCleanShutdown(command(`../${name}.ts`)),
);

test("server.close() alone waits for a stream, and tells its client nothing", async () => {
  const { url, exited, terminate } = await runServer(command("close-alone.ts"));
  const received: Received[] = [];
  const isCut = async (): Promise<void> => {
    for await (const event of follow(`${url}/jobs/a`)) {
      received.push(event);
      if (event.event === "tick" && event.data === 1) terminate();
    }
  };
  await expect(isCut()).rejects.toThrow("terminated");
  expect(received.at(-1)?.event).toBe("tick");
  expect(await exited).toBe(99); // the deadline's exit code
});
