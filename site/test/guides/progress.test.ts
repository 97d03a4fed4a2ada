import type { Registry } from "@holdfast/core";
import { expect, test } from "vitest";
import { connectPagesTo, FakeElement, load, type Service } from "../support/load.ts";

type Page = { show: (id: string, bar: FakeElement, status: FakeElement) => Promise<string | undefined> };
const { app, jobs } = await load<Service & { jobs: Registry }>("progress", "server.ts");
const { show } = await load<Page>("progress", "page.ts");

/** The browser of a user, which has a cookie. */
function logIn(user: string): void {
  connectPagesTo((request) => {
    request.headers.set("cookie", `session=${user}`);
    return app.request(request);
  });
}

test("the page shows the progress of the job, and gets its result", async () => {
  logIn("ada");
  const { id } = await (await fetch("/exports", { method: "POST" })).json();
  const bar = new FakeElement();
  expect(await show(id, bar, new FakeElement())).toBe("/files/export.csv");
  expect(bar).toMatchObject({ max: 1_000, value: 1_000 });
});

test("a job that is cancelled is shown as such", async () => {
  logIn("ada");
  await jobs.open("ada/endless");
  const status = new FakeElement();
  const shown = show("endless", new FakeElement(), status);
  const response = await fetch("/exports/endless", { method: "DELETE" });
  expect(response.status).toBe(204);
  expect(await shown).toBeUndefined();
  expect(status.textContent).toMatch(/cancelled/);
  expect((await fetch("/exports/endless", { method: "DELETE" })).status).toBe(404);
});

test("nobody cancels the job of another user, or gets anything without a login", async () => {
  await jobs.open("ada/secret");
  logIn("eve");
  expect((await fetch("/exports/secret", { method: "DELETE" })).status).toBe(404);
  expect((await fetch("/exports/ada%2Fsecret", { method: "DELETE" })).status).toBe(404);
  connectPagesTo((request) => app.request(request));
  expect((await fetch("/exports/secret/events")).status).toBe(401);
  expect((await fetch("/exports", { method: "POST" })).status).toBe(401);
  expect(jobs.get("ada/secret")?.status).toBe("live");
});
