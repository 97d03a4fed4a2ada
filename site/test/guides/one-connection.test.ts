import type { Registry } from "@holdfast/core";
import { expect, test } from "vitest";
import { connectPagesTo, eventually, load, type Service } from "../support/load.ts";

type Server = Service & {
  readonly jobs: Registry;
  readonly rooms: Registry;
  readonly users: Registry;
  readonly owners: Map<string, string>;
  readonly guests: Map<string, Set<string>>;
};
const { app, jobs, rooms, users, owners, guests } = await load<Server>("one-connection", "server.ts");

const ask = (init: RequestInit = {}, query = ""): Request =>
  new Request(`http://localhost/live${query}`, {
    ...init,
    headers: { authorization: "Bearer ann" },
  });

test("a user reads what is hers on one connection, and is refused what is not", async () => {
  owners.set("42", "ann").set("43", "bob");
  guests.set("kitchen", new Set(["ann"])).set("cellar", new Set());
  const job = await jobs.open("42");
  job.push({ event: "progress", data: 1 });
  rooms.channel("kitchen").push({ event: "said", data: "hi" });
  const body = new URLSearchParams({ mux: "Zk3v9x0q2maZk3v9x0q2ma" });
  for (const member of ["jobs/42", "jobs/43", "rooms/kitchen", "rooms/cellar", "notices"])
    body.append("on", member);
  const response = await app.request(ask({ method: "POST", body }));
  let text = "";
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const reading = (async () => {
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
      text += next.value;
  })();
  await eventually(() => expect(text).toContain('{"member":"notices"}'));
  users.channel("ann").push({ event: "notice", data: "A notice" });
  await eventually(() => expect(text).toContain("data: A notice"));
  expect(text).toContain('{"member":"jobs/43","status":404}');
  expect(text).toContain('{"member":"rooms/cellar","status":403}');
  expect(text).toContain("event: progress");
  expect(text).toContain("event: said");
  expect([users, jobs, rooms].map((registry) => registry.gauges().connections)).toEqual([1, 0, 0]);
  await users.disconnect("ann");
  await reading;
  expect(text).toContain('{"reason":"aborted"}');
});

test("an EventSource reads one member, and is told that it cannot have several", async () => {
  const response = await app.request(ask({}, "?on=notices&on=jobs/42"));
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("Several members")]);
  const one = await app.request(ask({}, "?on=notices"));
  expect(one.status).toBe(200);
  await one.body?.cancel();
});

test("without a user there is no connection", async () => {
  expect((await app.request("/live")).status).toBe(401);
});

test("the page shows a job and the notices on one connection", async () => {
  type Page = {
    showJob: (id: string, headers: { authorization: string }, show: (text: string) => void) => Promise<void>;
  };
  const { showJob } = await load<Page>("one-connection", "page.ts");
  connectPagesTo((request) => app.request(request));
  owners.set("44", "ann");
  const shown: string[] = [];
  const page = showJob("44", { authorization: "Bearer ann" }, (text) => void shown.push(text));
  await eventually(() => expect(users.gauges().connections).toBe(1));
  users.channel("ann").push({ event: "notice", data: "A notice" });
  const job = await jobs.open("44");
  job.push({ event: "progress", data: 50 });
  await job.end();
  await page;
  expect(shown.toSorted()).toEqual(["50 %", "A notice", "done"]);
  await eventually(() => expect(users.gauges().connections).toBe(0));
});
