import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "@holdfast/core";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { eventually } from "../../conformance/src/adapter-suite/eventually.ts";
import { describeOnRedis } from "./support/on-redis.ts";
import { append, STREAM, texts } from "./support/stream.ts";

/** A stream from its opening to a hint of it. */
async function expectService(store: Store, id = "job"): Promise<void> {
  const woken: (string | undefined)[] = [];
  const wake = store.wake([id], (seen) => void woken.push(seen));
  onTestFinished(() => wake.close());
  expect(await store.open(id, STREAM)).toMatchObject({ role: "producer" });
  let last = 0;
  await eventually(async () => {
    await append(store, id, ++last, ["f"]);
    expect(woken).toContain(id);
  });
  expect(await texts(store, id)).toHaveLength(last);
}

describeOnRedis("names in Redis", ({ connect }) => {
  test("begin with hf:", async () => {
    const { client, command } = await connect();
    await command("FLUSHALL");
    const store = redisStore({ client });
    await expectService(store, "a{b}%");
    expect((await command("KEYS", "*")) as string[]).toHaveLength(2);
    expect(await command("EXISTS", "hf:{a%7bb%7d%25}:m", "hf:{a%7bb%7d%25}:s")).toBe(2);
    expect(await command("PUBSUB", "CHANNELS")).toEqual(["hf:{a%7bb%7d%25}:c"]);
    await store.delete("a{b}%");
    expect(await command("KEYS", "*")).toEqual([]);
  });

  test("begin with the prefix that is asked for", async () => {
    const { client, command } = await connect();
    await command("FLUSHALL");
    await expectService(redisStore({ client, prefix: "app:jobs:" }));
    expect(((await command("KEYS", "*")) as string[]).sort()).toEqual([
      "app:jobs:{job}:m",
      "app:jobs:{job}:s",
    ]);
    expect(await command("PUBSUB", "CHANNELS")).toEqual(["app:jobs:{job}:c"]);
  });

  test("begin with the client's own prefix before that", async () => {
    const [plain, { client }] = [await connect(), await connect({ keyPrefix: "mine:" })];
    await plain.command("FLUSHALL");
    const store = redisStore({ client });
    await expectService(store);
    await store.open("room", { ...STREAM, kind: "channel" });
    await append(store, "room", undefined, ["f"], { fence: 0, batch: { producer: "p", number: 1 } });
    expect(((await plain.command("KEYS", "*")) as string[]).sort()).toEqual([
      "mine:hf:{job}:m",
      "mine:hf:{job}:s",
      "mine:hf:{room}:b:p",
      "mine:hf:{room}:m",
      "mine:hf:{room}:s",
    ]);
    expect(await plain.command("PUBSUB", "CHANNELS")).toEqual(["mine:hf:{job}:c"]);
    // Another machine need not spell it the same way.
    const same = redisStore({ client: plain.client, prefix: "mine:hf:" });
    expect(await texts(same, "room")).toEqual(["f"]);
    await store.delete("job");
    expect(await texts(same, "job")).toBe("missing");
  });

  test("of two stores do not meet", async () => {
    const { client } = await connect();
    const [one, two] = [redisStore({ client, prefix: "one:" }), redisStore({ client, prefix: "two:" })];
    await expectService(one);
    expect(await texts(two, "job")).toBe("missing");
  });
});

describeOnRedis("the hints of a store", ({ connect, open }) => {
  test("share a connection, that is there while somebody asks", async () => {
    const { store } = await open();
    const { command } = await connect();
    const connections = async (): Promise<number> =>
      String(await command("CLIENT", "LIST", "TYPE", "pubsub"))
        .split("\n")
        .filter(Boolean).length;
    const idle = store.wake([], () => undefined);
    expect(await connections()).toBe(0);

    const wakes = Array.from({ length: 5 }, (_, index) => store.wake([`job ${index}`], () => undefined));
    await eventually(async () => expect(await command("PUBSUB", "CHANNELS")).toHaveLength(5));
    expect(await connections()).toBe(1);
    wakes[0]?.close();
    await eventually(async () => expect(await command("PUBSUB", "CHANNELS")).toHaveLength(4));
    for (const wake of wakes) wake.close();
    idle.close();
    await eventually(async () => expect(await connections()).toBe(0));
  });

  test("go on when the client of the service is closed", async () => {
    const { store, close } = await open({ observer: { failed: () => undefined }, timeout: 500 });
    const wake = store.wake(["job"], () => undefined);
    close();
    await expect(store.open("job", STREAM)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    wake.close();
  });

  test("throw at nobody: a listener that throws is reported", async () => {
    const reported: unknown[] = [];
    const { store } = await open({ observer: { failed: (info) => void reported.push(info) } });
    const error = new Error("mine");
    const wake = store.wake(["job"], () => {
      throw error;
    });
    onTestFinished(() => wake.close());
    await expectService(store);
    expect(reported).toContainEqual({ id: "job", stage: "store", error });
  });
});

describeOnRedis(
  "a Redis with a password",
  ({ open }) => {
    test("serves those who know it", async () => {
      const { store } = await open();
      await expectService(store);
    });
  },
  () => ({ args: ["--requirepass", "open sesame"] }),
  () => ({ password: "open sesame" }),
);

describeOnRedis("a Redis that lets a user do what the README says", ({ connect }) => {
  test("serves them", async () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const passage = /A user of its own: ([^;]*);/.exec(readme)?.[1] as string;
    const rules = passage.match(/[~&+][^\s`,]+/g) as string[];
    expect(rules).toContain("~hf:*");
    const { command } = await connect();
    await command("ACL", "SETUSER", "holdfast", "on", ">open sesame", ...rules);

    const { client } = await connect({ username: "holdfast", password: "open sesame" });
    const store = redisStore({ client });
    await expectService(store);
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
      test("serves streams and hints", async () => {
        const { store } = await open();
        await expectService(store);
      });
    },
    () => ({ tls: { cert, key } }),
    () => ({ ca: readFileSync(cert, "utf8") }),
  );
});

describe("what makes no sense is refused at the door", () => {
  const client = {
    on() {},
    off() {},
    connect: async () => {},
    duplicate() {},
    sendCommand() {},
    isReady: true,
  };

  test.for([
    ["a prefix with braces", { client, prefix: "{a}" }],
    ["no time at all", { client, timeout: 0 }],
    ["no end of time", { client, timeout: Infinity }],
    ["another client", { client: { ...client, duplicate: undefined } }],
    ["no client", {}],
    ["nothing", { client: null }],
  ] as const)("%s", ([, options]) => {
    const make = (): Store => redisStore(options as unknown as Parameters<typeof redisStore>[0]);
    expect(make).toThrowError(expect.objectContaining({ code: "INVALID_OPTION" }));
  });

  test.for([[""], ["\n"], ["x".repeat(257)]])("the id %j", async ([id]) => {
    const store = redisStore({ client });
    await expect(store.open(id as string, STREAM)).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});
