import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, expectStoreWorks, STREAM } from "./support/stream.ts";

describeOnRedis(
  "a Redis with a password",
  ({ open }) => {
    test("serves a store whose client has it", async () => {
      const { store } = await open();
      await expectStoreWorks(store);
    });
  },
  () => ({ args: ["--requirepass", "open sesame"] }),
  () => ({ password: "open sesame" }),
);

describeOnRedis("a Redis user with the rights that the README lists", ({ connect }) => {
  test("can do everything that a store does", async () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const passage = /A user of its own: ([^;]*);/.exec(readme)?.[1] as string;
    const rules = passage.match(/[~&+][^\s`,]+/g) as string[];
    expect(rules).toContain("~hf:*");
    const { command } = await connect();
    await command("ACL", "SETUSER", "holdfast", "on", ">open sesame", ...rules);

    const { client } = await connect({ username: "holdfast", password: "open sesame" });
    const store = redisStore({ client });
    await expectStoreWorks(store);
    await store.open("room", { ...STREAM, kind: "channel" });
    await append(store, "room", undefined, ["f"], { fence: 0, batch: { producer: "p", number: 1 } });
    expect(await store.cancel("job", "user")).toBe(true);
    expect(await store.lost("job", 1, { status: "lost" })).toBe(false);
    expect(await append(store, "job", 1, [], { end: { status: "done" } })).toMatchObject({ code: "ok" });
    expect(await store.open("job", { ...STREAM, epoch: "bbbbbbbbbb" })).toMatchObject({ role: "producer" });
    await store.delete("job");
  });
});

describe("with a certificate", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-tls-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ].concat(subject, ["-keyout", key, "-out", cert]),
    { stdio: "ignore" },
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  describeOnRedis(
    "a Redis over TLS",
    ({ open }) => {
      test("serves calls and hints", async () => {
        const { store } = await open();
        await expectStoreWorks(store);
      });
    },
    () => ({ tls: { cert, key } }),
    () => ({ ca: readFileSync(cert, "utf8") }),
  );
});
