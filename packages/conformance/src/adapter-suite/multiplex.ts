import assert from "node:assert/strict";
import { assertHeaders, STREAM_HEADERS, TERMINAL_ID } from "../harness/expectations.ts";
import type { Suite } from "../harness/suite.ts";
import { framesOf } from "../wire/frames.ts";

const MUX = "Zk3v9x0q2maZk3v9x0q2ma";
const members = { streams: ["jobs/1", "jobs/2"], channels: ["lobby"] };

/** The query for members, each with its cursor if it has one. */
function asking(on: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams({ mux: MUX });
  for (const [name, cursor = ""] of Object.entries(on)) query.append("on", `${name}@${cursor}`);
  return `?${query.toString()}`;
}

/** The data of the user events of one member. */
function eventsOf(text: string, member: string): (string | undefined)[] {
  let current: unknown;
  return framesOf(text).flatMap(({ event, data }) => {
    if (event === "stream.member") current = (JSON.parse(data ?? "") as { member: string }).member;
    const isEvent = data !== undefined && event?.startsWith("stream.") !== true;
    return isEvent && current === member ? [data] : [];
  });
}

/** Several streams on one connection: an adapter passes on where the request says which. */
export function multiplex({ test }: Suite): void {
  test("serves members on one connection, and each resumes at its own cursor after a cut", async (start) => {
    const server = await start();
    const epochs = [await server.open("jobs/1"), await server.open("jobs/2")];
    await server.push("jobs/1", [{ data: "one" }]);
    const path = await server.serve({ members });
    const first = await server.get(path, {
      path: asking({ "jobs/1": undefined, "jobs/2": undefined, lobby: undefined, nowhere: undefined }),
    });
    await first.until('data: {"member":"lobby"}');
    assertHeaders(first, { ...STREAM_HEADERS, "cache-control": "no-store" });
    assert(first.text.includes('data: {"member":"nowhere","status":404}\n\n'));
    await server.push("jobs/2", [{ data: "two" }]);
    await server.pushToChannel("lobby", [{ data: "hi" }]);
    await first.until("data: hi\n\n");
    await first.until("data: two\n\n");
    assert.deepEqual(
      ["jobs/1", "jobs/2", "lobby"].map((name) => eventsOf(first.text, name)),
      [["one"], ["two"], ["hi"]],
    );
    await server.until(({ gauges, opened }) => assert.deepEqual([gauges.connections, opened], [1, 1]));
    first.reset();
    await server.push("jobs/1", [{ data: "three" }]);
    const second = await server.get(path, {
      path: asking({ "jobs/1": `${epochs[0]}.1`, "jobs/2": `${epochs[1]}.1` }),
    });
    await second.until("data: three\n\n");
    assert.deepEqual([eventsOf(second.text, "jobs/1"), eventsOf(second.text, "jobs/2")], [["three"], []]);
    await server.until(({ gauges }) => assert.equal(gauges.connections, 1));
  });

  test("answers 204 if every member has everything, and 400 with the reason to what it cannot serve", async (start) => {
    const server = await start();
    const path = await server.serve({ members });
    const done = await server.get(path, { path: asking({ "jobs/1": TERMINAL_ID, lobby: TERMINAL_ID }) });
    assert.equal(done.status, 204);
    const refused = await server.get(path, { path: "?on=jobs%2F1&on=lobby" });
    assert.equal(refused.status, 400);
    assertHeaders(refused, { "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" });
    assert.equal(await refused.finished(), "ended");
    assert(refused.text.startsWith("Several members need `mux=<name>`."));
  });
}
