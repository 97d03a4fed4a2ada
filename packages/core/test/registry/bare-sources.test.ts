import { describe, expect, test } from "vitest";
import type { BareFunction } from "../../src/connection/source.ts";
import { createTestRegistry, type TestClient } from "../support/test-registry.ts";

// Covers what src/connection/serve.ts and bare-source.ts take from a registry.

const names = ({ blocks }: TestClient): string[] => blocks.map(([event]) => event);

describe("a bare source with `registry`", () => {
  test("is counted, limited and observed with it", async () => {
    const { registry, connect, observed } = createTestRegistry({ maxConnections: 1 });
    let calls = 0;
    const feed: BareFunction = ({ push }) => {
      calls++;
      push({ data: 1 });
    };
    const first = connect(feed as never, { serve: { registry } });
    expect(registry.gauges().connections).toBe(1);
    const second = connect(feed as never, { serve: { registry } });
    expect([names(second), calls]).toEqual([["stream.drain"], 1]);
    first.leave();
    await first.over;
    expect(registry.gauges().connections).toBe(0);
    expect(observed.connectionClosed.map(({ id, reason }) => [id, reason])).toEqual([
      [undefined, "busy"],
      [undefined, "disconnected"],
    ]);
  });

  test("is drained by `close`, and released", async () => {
    const { registry, clock, connect } = createTestRegistry();
    let isReleased = false;
    const client = connect(
      (() => () => {
        isReleased = true;
      }) as never,
      { serve: { registry } },
    );
    await clock.flush();
    const closed = registry.close();
    await closed;
    expect([names(client), client.state, isReleased]).toEqual([["stream.drain"], "flushed", true]);
  });

  test("has the registry's defaults, and those of the call before them", async () => {
    const { registry, clock, connect } = createTestRegistry({ heartbeat: 1_000 });
    const client = connect((() => undefined) as never, { serve: { registry } });
    const other = connect((() => undefined) as never, { serve: { registry, heartbeat: 5_000 } });
    await clock.advance(3_000);
    expect([client.text.split(":\n\n").length > 2, other.text.split(":\n\n").length > 1]).toEqual([
      true,
      false,
    ]);
  });

  test("is refused for what is not a registry", async () => {
    const { connect } = createTestRegistry();
    const client = connect((() => undefined) as never, { serve: { registry: {} as never } });
    await expect(client.over).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });
});
