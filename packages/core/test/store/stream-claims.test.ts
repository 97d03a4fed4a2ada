import { describe, expect, test } from "vitest";
import { createCluster } from "../support/cluster.ts";

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe("open", () => {
  test("rejects an id that has a live stream in any process", async () => {
    const { processes, close } = createCluster();
    await processes[0].registry.open("a");
    await expect(processes[1].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await expect(processes[0].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await close();
  });

  test("succeeds for one of several concurrent calls with the same id", async () => {
    const { processes, close } = createCluster();
    const settled = await Promise.allSettled([
      processes[0].registry.open("a"),
      processes[0].registry.open("a"),
      processes[1].registry.open("a"),
    ]);
    expect(settled.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    await close();
  });

  test("rejects during an outage, and a retry in the same process gets the stream that was opened without a reply", async () => {
    const { processes, close } = createCluster();
    processes[0].link.callFates = ["reply lost"];
    await expect(processes[0].registry.open("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    processes[0].link.callFates = ["ok"];
    await expect(processes[1].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    const job = await processes[0].registry.open("a");
    expect(job.push({ data: 1 })).toBe(`${job.epoch}.1`);
    await close();
  });

  test("uses the epoch of an open without a reply again only where it is current", async () => {
    const { processes, clock, close } = createCluster();
    processes[0].link.callFates = ["reply lost"];
    await expect(processes[0].registry.open("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    processes[0].link.callFates = ["ok"];
    const next = await processes[1].registry.open("a", { ifExists: "append" });
    next.push({ data: 1 });
    await clock.advance(5);
    const last = await processes[0].registry.open("a", { ifExists: "append" });
    expect([last.last, last.push({ data: 2 })]).toEqual([1, `${last.epoch}.2`]);
    const client = processes[1].connect("a", { cursor: `${next.epoch}.1` });
    await clock.advance(6_000);
    expect(client.events).toEqual([2]);
    expect(client.text).not.toContain("stream.reset");
    await close();
  });

  test.each(["append", "throw"] as const)(
    "never begins a new life in the epoch of a continuation without a reply: a retry with %s",
    async (ifExists) => {
      const { processes, clock, store, close } = createCluster({ hasMarker: false });
      const [{ registry, link }, other, third] = processes;
      const job = await third.registry.open("a");
      job.push({ data: "before" });
      await clock.advance(5);
      link.callFates = ["reply lost"];
      const unanswered = registry.open("a", { ifExists: "append" });
      await expect(unanswered).rejects.toEqual(code("STORE_UNAVAILABLE"));
      link.callFates = ["ok"];
      const page = await store.read("a", null, { frames: 1, bytes: 1 });
      const cursor = page.code === "ok" ? `${page.meta.epoch}.${page.meta.last}` : "";
      store.flush();
      // A client that was sent `cursor` before must be told that the stream has begun again.
      const next = await registry.open("a", { ifExists });
      next.push({ data: "after" });
      await clock.advance(5);
      const client = other.connect("a", { cursor });
      await clock.advance(6_000);
      expect(client.text).toContain("stream.reset");
      expect(client.events).toEqual(["after"]);
      await close();
    },
  );

  test("rejects when the store has not answered for 5 s, and leaves no stream behind", async () => {
    const { processes, clock, store, close } = createCluster();
    processes[0].link.callFates = ["hanging"];
    const opening = expect(processes[0].registry.open("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    await clock.advance(5_000);
    await opening;
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toEqual({ code: "missing" });
    await close();
  });

  test("takes the id of a stream whose producer is dead, and ends that stream as lost", async () => {
    const { processes, clock, close } = createCluster();
    const old = await processes[0].registry.open("a");
    old.push({ data: 1 });
    await clock.advance(5);
    const client = processes[1].connect("a");
    await clock.flush();
    processes[0].link.disconnect();
    await clock.advance(14_000);
    await expect(processes[2].registry.open("a")).rejects.toEqual(code("STREAM_EXISTS"));
    await clock.advance(1_000);
    const fresh = await processes[2].registry.open("a");
    expect(fresh.epoch).not.toBe(old.epoch);
    expect(client.events).toEqual([1]);
    expect(client.blocks.at(-1)?.[2]).toEqual({ status: "lost" });
    await close();
  });

  test("does not erase a stream that its producer ends at the last moment", async () => {
    const { processes, clock, store, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(5);
    processes[0].link.callFates = ["rejected"];
    await clock.advance(16_000);
    processes[0].link.callFates = ["ok"];
    // The end arrives between the two calls of the process that takes the stream over.
    const { link } = processes[2];
    const open = link.open.bind(link);
    link.open = async (id, options) => {
      const opened = await open(id, options);
      if (options.lapsedFence === undefined) {
        void job.end({ data: 2 });
        await clock.advance(3_000);
      }
      return opened;
    };
    await expect(processes[2].registry.open("a")).rejects.toEqual(code("STREAM_ENDED"));
    expect(await store.read("a", null, { frames: 9, bytes: 999 })).toMatchObject({
      meta: { epoch: job.epoch, last: 2, end: { status: "done" } },
    });
    link.open = open;
    expect((await processes[2].registry.open("a")).last).toBe(0);
    await close();
  });

  test("ends the stream in the store if the registry was closed during the call", async () => {
    const { processes, clock, store, close } = createCluster();
    const [{ registry, link }] = processes;
    const open = link.open.bind(link);
    let closed: Promise<void> | undefined;
    link.open = (id, options) => {
      closed = registry.close({ deadline: 0 });
      return open(id, options);
    };
    const opening = expect(registry.open("a")).rejects.toEqual(code("REGISTRY_CLOSED"));
    await clock.advance(0);
    await opening;
    await closed;
    expect(await store.read("a", null, { frames: 1, bytes: 1 })).toMatchObject({
      meta: { end: { status: "cancelled" } },
    });
    await close();
    expect(clock.timers).toBe(0);
  });
});

describe("cancel", () => {
  test("without a reason is reported without a reason in every process", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    expect(await processes[1].registry.cancel("a")).toBe(true);
    await clock.advance(5_000);
    expect(job.signal.reason).toMatchObject({ code: "ABORTED" });
    await close();
  });

  test("aborts the producer in another process at once, with the reason", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    const remote = processes[2].connect("a");
    expect(await processes[1].registry.cancel("a", "user")).toBe(true);
    await clock.flush();
    expect([job.signal.aborted, job.signal.reason]).toEqual([true, "user"]);
    await clock.flush();
    expect(remote.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    expect(await processes[1].registry.cancel("a")).toBe(false);
    expect(await processes[1].registry.cancel("b")).toBe(false);
    await close();
  });

  test("aborts the producer at the next renewal of its lease if the wake-up is lost", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    processes[0].link.wakeUpFates = ["dropped"];
    await processes[1].registry.cancel("a", "user");
    await clock.advance(4_999);
    expect(job.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(job.signal.aborted).toBe(true);
    await close();
  });

  test("takes the stream over from a producer that does not react within one lease", async () => {
    const { processes, clock, close } = createCluster();
    const job = await processes[0].registry.open("a");
    job.push({ data: 1 });
    await clock.advance(5);
    const remote = processes[2].connect("a");
    await clock.flush();
    // The producer renews its lease but ignores the request to cancel in the replies.
    const { link } = processes[0];
    const append = link.append.bind(link);
    link.append = async (id, given) => {
      const answer = await append(id, given);
      return answer.code === "ok" ? { code: "ok", last: answer.last } : answer;
    };
    await processes[1].registry.cancel("a", "user");
    await clock.advance(14_000);
    expect(remote.blocks.at(-1)?.[0]).not.toBe("stream.end");
    await clock.advance(1_000);
    expect(remote.blocks.at(-1)?.[2]).toEqual({ status: "cancelled" });
    await clock.advance(5_000);
    expect(job.signal.aborted).toBe(true);
    await close();
    expect(clock.timers).toBe(0);
  });

  test("rejects during an outage", async () => {
    const { processes, close } = createCluster();
    processes[0].link.callFates = ["rejected"];
    await expect(processes[0].registry.cancel("a")).rejects.toEqual(code("STORE_UNAVAILABLE"));
    await close();
  });
});
