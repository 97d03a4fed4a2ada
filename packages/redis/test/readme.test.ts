import { readFile } from "node:fs/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "./readme-example.ts";
import { redisBinary, startRedis } from "./support/redis-server.ts";

describe.skipIf(redisBinary === undefined)("the example in the README", () => {
  test("prints what it promises", async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const example = await readFile(new URL("readme-example.ts", import.meta.url), "utf8");
    expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);

    const server = await startRedis();
    onTestFinished(() => server.stop());
    const lines: string[] = [];
    await run(`redis://127.0.0.1:${server.port}`, (line) => void lines.push(line));
    expect(lines).toEqual(["1 of 1, done"]);
  });
});
