import { readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { showJob } from "./readme-example.ts";

test("the README's first example does what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const example = await readFile(new URL("readme-example.ts", import.meta.url), "utf8");
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);

  const answers = [
    `retry: 1\ndata: {"state":"live","first":1,"last":1}\nevent: stream.open\nid: k3v9x0q2ma.0\n\nevent: token\nid: k3v9x0q2ma.1\ndata: Once\n\n`,
    `event: progress\nid: k3v9x0q2ma.2\ndata: {"done":1,"total":4}\n\nevent: stream.end\ndata: {"status":"done"}\n\n`,
  ];
  vi.stubGlobal("fetch", async () => {
    return new Response(answers.shift(), { headers: { "content-type": "text/event-stream" } });
  });
  const lines: string[] = [];
  await showJob("42", (line) => lines.push(line));
  vi.unstubAllGlobals();
  expect(lines).toEqual(["Once", "Back in 1 s. The response ended.", "1 of 4", "Done."]);
});
