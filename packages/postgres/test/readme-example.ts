import { postgresStore } from "@holdfast/postgres";
import type { Pool } from "pg";

export async function run(pool: Pool, show: (line: string) => void): Promise<void> {
  const store = postgresStore({ pool });
  await store.migrate();

  // One machine produces,
  const kept = { leaseMs: 15_000, ttlMs: 3_600_000 };
  const opened = await store.open("42", { kind: "stream", epoch: "k3v9x0q2ma", keep: 10_000, ...kept });
  if (opened.role === "reader") throw new Error("It is produced somewhere else.");
  const { epoch, fence } = opened;
  const frames = [Buffer.from("id: k3v9x0q2ma.1\ndata: Once\n\n")];
  await store.append("42", { epoch, fence, from: 1, frames, ...kept, end: { status: "done" } });

  // and every machine reads.
  const page = await store.read("42", { epoch, seq: 0 }, { frames: 256, bytes: 65_536 });
  if (page.code === "ok") show(`${page.frames.length} of ${page.meta.last}, ${page.meta.end?.status}`);
  await store.delete("42");
}
