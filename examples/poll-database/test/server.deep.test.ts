import { join } from "node:path";
import { expect, test } from "vitest";
import { follow, followToEnd, applicationEvents, type Received } from "../../common/test/follow.ts";
import { type RunningServer, runServer } from "../../common/test/run-server.ts";
import { tempDatabase } from "./open-table.ts";

function run(DATABASE: string): RunningServer {
  return runServer(join(import.meta.dirname, "../server.ts"), { PORT: "0", DATABASE });
}

test("the next server continues a job, and the ids of its events survive restarts", async () => {
  const database = tempDatabase();
  const first = run(database);
  const url = await first.firstLine("stdout");
  const created = await fetch(`${url}/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ slices: 3 }),
  });
  const { stream } = (await created.json()) as { stream: string };
  let last: Received | undefined;
  for await (const received of follow(url + stream)) {
    last = received;
    if (received.event === "slice" && !first.killed) first.kill("SIGTERM");
  }
  expect(last).toMatchObject({ event: "stream.drain", data: { reason: "shutdown" } });
  expect(await first.exited()).toBe(0);

  const second = run(database);
  const live = await followToEnd((await second.firstLine("stdout")) + stream);
  expect(applicationEvents(live).map(({ event }) => event)).toEqual(["slice", "slice", "slice", "done"]);
  second.kill("SIGTERM");
  await second.exited();

  const [third, fourth] = [run(database), run(database)];
  const whole = applicationEvents(await followToEnd((await third.firstLine("stdout")) + stream));
  expect(whole.map(({ event, data }) => [event, data])).toEqual(
    applicationEvents(live).map(({ event, data }) => [event, data]),
  );
  const rest = await followToEnd((await fourth.firstLine("stdout")) + stream, whole[1]?.id);
  expect(applicationEvents(rest)).toEqual(whole.slice(2));
});
