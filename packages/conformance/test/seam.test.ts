import type { Sink } from "@holdfast/core";
import { describe, expect, test } from "vitest";
import { adapters } from "./adapters/index.ts";
import type { Client } from "./clients/client.ts";
import { deferred } from "./support/deferred.ts";
import { eventually } from "./support/eventually.ts";
import { createProbe, type Probe } from "./support/probe.ts";
import { serving, type Server } from "./support/start.ts";
import { turns } from "./support/turns.ts";

const encoder = new TextEncoder();
/** Why a server cuts: whoever gives no reason says that the peer has gone by itself. */
const CUT = new Error("The response was cut.");
const BLOCK = encoder.encode(`data: ${"x".repeat(65_528)}\n\n`);

/** A probe whose response has begun with `data: begun`. */
async function begun(server: Server, probe: Probe): Promise<{ client: Client; sink: Sink }> {
  const client = server.send();
  const sink = await eventually(() => {
    expect(probe.sink).toBeDefined();
    return probe.sink as Sink;
  });
  sink.write(encoder.encode("data: begun\n\n"));
  await client.until("data: begun\n\n");
  return { client, sink };
}

/** Writes as long as a client that has paused takes something; returns how many bytes that took. */
async function fill(server: Server, client: Client, probe: Probe): Promise<number> {
  for (let bytes = BLOCK.length; ; bytes += BLOCK.length) {
    const { drained } = probe;
    if (probe.sink?.write(BLOCK)) continue;
    const goesOn = (): boolean => probe.drained > drained;
    await turns(10);
    await eventually(() => expect(goesOn() || server.outbox(client).full).toBe(true));
    if (!goesOn()) return bytes;
  }
}

/** Waits until nothing that is under way can still arrive. */
async function settled(server: Server): Promise<void> {
  await eventually(() => expect(server.handling).toBe(0));
  await turns(10);
}

describe.each(adapters)("$name at the seam", (adapter) => {
  describe("the request", () => {
    test.each(["GET", "HEAD", "POST"])("%s is said as it came", async (method) => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      server.send({ method, ...(method === "POST" && { body: "hello" }) });
      await eventually(() => expect(probe.sink).toBeDefined());
      expect(probe.request?.method).toBe(method);
    });

    test.each([
      ["the header", { headers: { "last-event-id": "a.1" } }, "a.1"],
      ["the query", { path: "/?lastEventId=b.2" }, "b.2"],
      [
        "the header before the query",
        { path: "/?lastEventId=b.2", headers: { "last-event-id": "a.1" } },
        "a.1",
      ],
      [
        "the query when the header is empty",
        { path: "/?lastEventId=b.2", headers: { "last-event-id": "" } },
        "b.2",
      ],
      [
        "nothing when both are empty",
        { path: "/?lastEventId=", headers: { "last-event-id": "" } },
        undefined,
      ],
      ["nothing", {}, undefined],
    ])("the cursor is %s", async (_name, request, cursor) => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      server.send(request);
      await eventually(() => expect(probe.sink).toBeDefined());
      expect(probe.request?.cursor).toBe(cursor);
    });

    test.each(adapter.signalled)(
      "the signal aborts when the client leaves before the answer: %s",
      async (leave) => {
        const ready = deferred();
        const probe = createProbe(ready.promise);
        const server = await serving(adapter, () => probe.source);
        const client = server.send();
        await eventually(() => expect(probe.request).toBeDefined());
        expect(probe.request?.signal.aborted).toBe(false);
        client[leave]?.();
        await eventually(() => expect(probe.request?.signal.aborted).toBe(true));
        ready.resolve();
        await eventually(() => expect(probe.closed).toBe(1));
        expect(probe.sink?.write(BLOCK)).toBe(false);
        probe.sink?.close();
        probe.sink?.destroy();
        await settled(server);
        expect(probe.closed).toBe(1);
      },
    );

    test.each(adapter.signalled)("the signal aborts when the client leaves: %s", async (leave) => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client } = await begun(server, probe);
      client[leave]?.();
      await eventually(() => expect(probe.request?.signal.aborted).toBe(true));
    });
  });

  describe("the response is over once", () => {
    test.each<[string, (sink: Sink) => void, "ended" | "cut"]>([
      ["closed", (sink) => sink.close(), "ended"],
      ["closed twice", (sink) => (sink.close(), sink.close()), "ended"],
      ["destroyed", (sink) => sink.destroy(CUT), "cut"],
      ["destroyed twice", (sink) => (sink.destroy(CUT), sink.destroy()), "cut"],
      ["destroyed, then closed", (sink) => (sink.destroy(CUT), sink.close()), "cut"],
    ])("%s", async (_name, finish, state) => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      finish(sink);
      expect(await client.over()).toBe(state);
      expect(client.text).toBe("data: begun\n\n");
      await eventually(() => expect(probe.closed).toBe(1));
      finish(sink);
      await settled(server);
      expect(probe.closed).toBe(1);
    });

    test.each(adapter.leavings)("its client leaves: %s", async (leave) => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      client[leave]?.();
      await eventually(() => expect(probe.closed).toBe(1));
      expect(sink.write(BLOCK)).toBe(false);
      sink.close();
      sink.destroy();
      await settled(server);
      expect(probe.closed).toBe(1);
    });

    test("destroyed while full: nothing more is sent, and nothing stays", async () => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      client.pause();
      await fill(server, client, probe);
      sink.destroy(CUT);
      await eventually(() => expect(probe.closed).toBe(1));
      await eventually(() => expect(server.outbox(client).bytes).toBe(0));
      client.resume();
      expect(await client.over()).toBe("cut");
    });

    test("closed while full: it is over when the client has everything", async () => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      client.pause();
      const bytes = await fill(server, client, probe);
      sink.close();
      expect(sink.write(BLOCK)).toBe(false);
      await turns(10);
      expect(probe.closed).toBe(0);
      client.resume();
      expect(await client.over()).toBe("ended");
      expect(client.text).toHaveLength("data: begun\n\n".length + bytes);
      await eventually(() => expect(probe.closed).toBe(1));
    });

    test("closed while full, then destroyed", async () => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      client.pause();
      await fill(server, client, probe);
      sink.close();
      sink.destroy(CUT);
      await eventually(() => expect(probe.closed).toBe(1));
      client.resume();
      expect(await client.over()).toBe("cut");
    });
  });

  describe("a write", () => {
    test("says hold when the client takes no more, and drained is said when it does", async () => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      client.pause();
      let bytes = await fill(server, client, probe);
      const drained = probe.drained;
      expect(server.outbox(client).bytes).toBeLessThan(4 * BLOCK.length);
      client.resume();
      await eventually(() => expect(probe.drained).toBeGreaterThan(drained));
      // It can be held and drained again.
      client.pause();
      bytes += await fill(server, client, probe);
      client.resume();
      sink.close();
      expect(await client.over()).toBe("ended");
      expect(client.text).toHaveLength("data: begun\n\n".length + bytes);
    });

    test("leaves the memory as it is", async () => {
      const probe = createProbe();
      const server = await serving(adapter, () => probe.source);
      const { client, sink } = await begun(server, probe);
      const memory = encoder.encode("data: before\n\ndata: shared\n\ndata: behind\n\n");
      const shared = memory.subarray(14, 28);
      sink.write(shared);
      sink.write(shared);
      await client.until("data: shared\n\ndata: shared\n\n");
      expect(new TextDecoder().decode(memory)).toBe("data: before\n\ndata: shared\n\ndata: behind\n\n");
      sink.close();
    });
  });
});
