import { expect, test } from "vitest";
import { createTestRegistry } from "../support/test-registry.ts";

test.each(["error", "open"])("a push named `%s` is worth one warning of its stream", async (event) => {
  const { registry, observed } = createTestRegistry();
  const jobs = [await registry.open("a"), await registry.open("b")];
  for (const job of jobs) {
    for (let count = 0; count < 3; count++) expect(job.push({ event, data: 1 })).toBeDefined();
  }
  expect(observed.warned).toEqual(
    ["a", "b"].map((id) => ({
      id,
      message: expect.stringContaining(`An event is named "${event}".`) as string,
    })),
  );
});

test("in channels it is worth one warning of the registry, since a channel is asked for anew for each push", () => {
  const { registry, observed } = createTestRegistry();
  for (const id of ["a", "b", "a"]) registry.channel(id).push({ event: "error" });
  expect(observed.warned).toEqual([{ id: "a", message: expect.stringContaining('named "error"') as string }]);
});

test("other names are not", async () => {
  const { registry, observed } = createTestRegistry();
  const job = await registry.open("a");
  for (const event of ["errors", "opened", "message", ""]) job.push({ event });
  job.push({ data: 1 });
  expect(observed.warned).toEqual([]);
});
