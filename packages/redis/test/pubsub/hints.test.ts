import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../../conformance/src/harness/eventually.ts";
import { describeOnRedis } from "../support/on-redis.ts";
import { expectStoreWorks, STREAM } from "../support/stream.ts";

describeOnRedis("the hints of a store", ({ connect, open }) => {
  test("share one connection, which is open while ids are followed", async () => {
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

  test("can still be closed after the service has closed its client", async () => {
    const { store, close } = await open({ observer: { failed: () => undefined }, timeout: 500 });
    const wake = store.wake(["job"], () => undefined);
    close();
    await expect(store.open("job", STREAM)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    wake.close();
  });

  test("survive a listener that throws, and report its error", async () => {
    const reported: unknown[] = [];
    const { store } = await open({ observer: { failed: (info) => void reported.push(info) } });
    const error = new Error("mine");
    const wake = store.wake(["job"], () => {
      throw error;
    });
    onTestFinished(() => wake.close());
    await expectStoreWorks(store);
    expect(reported).toContainEqual({ id: "job", stage: "store", error });
  });
});
