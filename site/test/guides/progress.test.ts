import type { Registry } from "@holdfast/core";
import { expect, test } from "vitest";
import { connectPagesTo, FakeElement, load, type Service } from "../support/load.ts";

type Page = { show: (id: string, bar: FakeElement, status: FakeElement) => Promise<string | undefined> };
const { app, jobs } = await load<Service & { jobs: Registry }>("progress", "server.ts");
const { show } = await load<Page>("progress", "page.ts");

test("the page shows the progress of the job, and gets its result", async () => {
  connectPagesTo((request) => app.request(request));
  const { id } = await (await fetch("/exports", { method: "POST" })).json();
  const bar = new FakeElement();
  expect(await show(id, bar, new FakeElement())).toBe("/files/export.csv");
  expect(bar).toMatchObject({ max: 1_000, value: 1_000 });
});

test("a job that is cancelled is shown as such", async () => {
  connectPagesTo((request) => app.request(request));
  await jobs.open("endless");
  const status = new FakeElement();
  const shown = show("endless", new FakeElement(), status);
  const response = await fetch("/exports/endless", { method: "DELETE" });
  expect(response.status).toBe(204);
  expect(await shown).toBeUndefined();
  expect(status.textContent).toMatch(/cancelled/);
  expect((await fetch("/exports/endless", { method: "DELETE" })).status).toBe(404);
});
