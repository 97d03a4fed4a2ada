import { expect, test } from "vitest";
import { encodeEvent } from "../../src/protocol/encode.ts";
import { createDatabase } from "../support/database.ts";
import {
  anchorOf,
  controlEvents,
  headings,
  linkedAnchors,
  names,
  read,
  section,
  union,
} from "../support/documents.ts";
import { type TestClient, createTestRegistry } from "../support/test-registry.ts";

const PROTOCOL = read("PROTOCOL.md");
const EXAMPLES = read("PROTOCOL-EXAMPLES.md");
const ERRORS = read("docs/errors.md");

test.each([
  ["Error codes", [ERRORS], union("core", "ErrorCode")],
  ["Close reasons", [ERRORS], union("core", "CloseReason")],
  ["Failure stages", [ERRORS], union("core", "FailureStage")],
  ["Control events", [ERRORS, PROTOCOL], controlEvents()],
  ["Reset reasons", [ERRORS, PROTOCOL], union("core", "ResetReason")],
  ["Drain reasons", [ERRORS, PROTOCOL], union("core", "DrainReason")],
  ["End statuses", [ERRORS, PROTOCOL], union("core", "EndStatus")],
])('the table "%s" has exactly the names in the source', (title, documents, members) => {
  for (const markdown of documents) expect(names(markdown, title).sort()).toEqual([...members].sort());
});

test('the table "Client reasons" has every reason of a loss and every end but `done`', () => {
  const ends = union("core", "EndStatus").filter((status) => status !== "done");
  const reasons = [...union("client", "LossReason"), ...ends];
  expect(names(ERRORS, "Client reasons")).toEqual(expect.arrayContaining(reasons));
});

test('each event in the table "Encoding" is sent as the table says', () => {
  const rows = [...section(PROTOCOL, "Encoding").matchAll(/^\| `(\{.+\})` \| `(.+)` \|$/gm)];
  expect(rows).not.toEqual([]);
  for (const [, pushed = "", sent = ""] of rows) {
    const bytes = encodeEvent(JSON.parse(pushed) as object);
    expect(new TextDecoder().decode(bytes)).toBe(sent.replaceAll("\\n", "\n"));
  }
});

test('the table "Reconnection times" has the shortest and the longest time of each block', async () => {
  const rows = section(PROTOCOL, "Reconnection times").matchAll(/^\| (.+) \| ([\d,]+) \| ([\d,]+) \|$/gm);
  const [shortest, longest] = [await retries(0), await retries(1 - 2 ** -53)];
  expect([...rows].map((row) => row.slice(1))).toEqual(
    Object.keys(shortest).map((name) => [name, shortest[name], longest[name]]),
  );
});

test("the rules link to every example", () => {
  const links = linkedAnchors(PROTOCOL, "PROTOCOL-EXAMPLES.md");
  expect(new Set(links)).toEqual(new Set(headings(EXAMPLES, 3).map(anchorOf)));
});

test("the examples are grouped by the sections of the rules", () => {
  const sections = headings(PROTOCOL);
  const groups = headings(EXAMPLES, 2);
  expect(groups).toEqual(sections.filter((title) => groups.includes(title)));
});

test.each([
  ["PROTOCOL.md", "PROTOCOL.md"],
  ["PROTOCOL-EXAMPLES.md", "PROTOCOL.md"],
  ["docs/errors.md", "PROTOCOL.md"],
  ["PROTOCOL.md", "errors.md"],
])("links from %s to %s go to headings", (from, to) => {
  const path = to === "errors.md" ? "docs/errors.md" : to;
  const links = linkedAnchors(read(from), from === to ? "" : to);
  expect(links).not.toEqual([]);
  expect(headings(read(path)).map(anchorOf)).toEqual(expect.arrayContaining(links));
});

/** The `retry:` of every block that has one, with `random` fixed. */
async function retries(fixed: number): Promise<Record<string, string>> {
  const random = (): number => fixed;
  const { clock, connect, registry } = createTestRegistry({
    random,
    wait: 5_000,
    maxDuration: 10_000,
    maxConnections: 2,
  });
  await registry.open("a");
  const [waiting, reading, refused] = [connect("unknown"), connect("a"), connect("a")];
  const opened = retryOf(reading);
  await clock.advance(11_001);
  const aborted = connect("a", { serve: { signal: AbortSignal.abort() } });
  const last = connect("a");
  void registry.close();
  expect(retryOf(connect("a"))).toBe(retryOf(last));
  const failing = connect(({ fail }) => fail(new Error("down")), { serve: { random } });
  const [first, sixth] = await failedLookUps(random);
  return {
    "`stream.open`": opened,
    "the first block of a bare source": retryOf(connect(() => undefined, { serve: { random } })),
    "`stream.drain`: `waiting`": retryOf(waiting),
    "`stream.drain`: `max-duration`": retryOf(reading),
    "`stream.drain`: `aborted`": retryOf(aborted),
    "`stream.drain`: `shutdown`": retryOf(last),
    "`stream.drain`: `busy`": retryOf(refused),
    "`stream.error` of a bare source that may work later": retryOf(failing),
    "`stream.error`: `SNAPSHOT_FAILED`, first failure": retryOf(first),
    "`stream.error`: `SNAPSHOT_FAILED`, from the sixth on": retryOf(sixth),
  };
}

/** A client that connects before the first of six failures in a row, and one that connects before the sixth. */
async function failedLookUps(random: () => number): Promise<[TestClient, TestClient]> {
  const db = createDatabase();
  const { connect, clock } = createTestRegistry({ random, snapshot: db.snapshot, wait: Infinity });
  const fail = (): Promise<void> => {
    db.lastQuery.fail(new Error("down"));
    return clock.advance(30_000);
  };
  const first = connect("a");
  for (let failures = 0; failures < 5; failures++) await fail();
  const sixth = connect("a");
  await fail();
  return [first, sixth];
}

function retryOf({ text }: TestClient): string {
  return Number(/^.*retry: (\d+)$/ms.exec(text)?.[1]).toLocaleString("en");
}
