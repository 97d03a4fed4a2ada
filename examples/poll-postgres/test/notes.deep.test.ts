import { afterAll, expect, test } from "vitest";
import { openNotes } from "../notes.ts";
import { startPostgres } from "../../common/own-postgres.ts";
import { findOrInstall } from "../../common/test/find-or-install.ts";

const isInstalled = findOrInstall("postgresql", "pg_ctlcluster") !== undefined;
const postgres = isInstalled ? await startPostgres({ fsync: "off" }) : undefined;
afterAll(() => postgres?.stop());

test.skipIf(postgres === undefined)(
  "a new row is sent as soon as Postgres announces it, and topics are apart",
  async () => {
    if (postgres === undefined) return;
    // Without the notification, the test would time out: the next read is an hour away.
    const notes = await openNotes(postgres.url, 3_600_000);
    await notes.add("a", "first");
    const a = notes.registry.subscribe("a");
    expect((await a.next()).value).toMatchObject({ event: "note", data: "first" });
    const b = notes.registry.subscribe("b");
    const firstOfB = b.next();
    for (const text of ["second", "third"]) {
      await notes.add("a", text);
      expect((await a.next()).value).toMatchObject({ data: text });
    }
    await notes.add("b", "other");
    expect((await firstOfB).value).toMatchObject({ data: "other" });
    await Promise.all([a.return?.(), b.return?.()]);
    await notes.close();
  },
);
