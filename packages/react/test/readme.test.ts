import { readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { eventually, loadReact, mount } from "./support/react.ts";
import { startStreamServer } from "./support/stream-server.ts";

test("the README's example does what it says", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const example = await readFile(new URL("readme-example.tsx", import.meta.url), "utf8");
  expect(readme).toContain(`\`\`\`tsx\n${example}\`\`\``);

  const loaded = await loadReact("19");
  vi.doMock("@holdfast/react", () => ({ useStream: loaded.useStream }));
  const { Answer } = await import("./readme-example.tsx");
  const { jobs, url } = await startStreamServer();
  const job = await jobs.open("1");
  job.push({ event: "token", data: "Once " });
  const page = mount(loaded, loaded.react.createElement(Answer, { url: url("1") }));
  await eventually(() => expect(page.container.innerHTML).toBe(`<p aria-busy="true">Once </p>`));
  job.push({ event: "usage", data: { words: 2 } });
  job.push({ event: "token", data: "upon" });
  await job.end();
  await eventually(() => expect(page.container.innerHTML).toBe(`<p aria-busy="false">Once upon</p>`));

  (await jobs.open("2")).push({ event: "token", data: "Half" });
  page.render(loaded.react.createElement(Answer, { url: url("2") }));
  await eventually(() => expect(page.text).toBe("Half"));
  await jobs.cancel("2");
  await eventually(() => expect(page.text).toBe("The answer is not complete: Half"));
});
