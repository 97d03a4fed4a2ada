import { expect, test } from "vitest";
import { serve } from "../../src/connection/serve.ts";
import type { BareConnection } from "../../src/connection/source.ts";
import { encodeEvent } from "../../src/protocol/encode.ts";
import { eventSizeLimit, eventTooLarge } from "../../src/protocol/event-size.ts";
import { createFakeClock, createMemoryClient, createMemoryStore } from "../../src/testing/index.ts";
import { createTestRegistry } from "../support/test-registry.ts";

test.each([
  [100, 1_000, 100],
  [1_000, 400, 100],
  [1_000, 403, 100],
  [Infinity, 1_000, 250],
  [100, Infinity, 100],
])("with maxEventBytes %d and a buffer of %d bytes the limit is %d", (maxEventBytes, bufferBytes, limit) => {
  expect(eventSizeLimit(maxEventBytes, bufferBytes)).toBe(limit);
});

test("the error is EVENT_TOO_LARGE, with the limit and the size", () => {
  expect(eventTooLarge(101, 100)).toMatchObject({
    code: "EVENT_TOO_LARGE",
    message: "An event takes at most 100 bytes on the wire, this one has 101 or more.",
  });
});

const tooLarge = expect.objectContaining({
  code: "EVENT_TOO_LARGE",
  message: expect.stringContaining("at most 1000 bytes"),
});
const options = { buffer: { bytes: 4_000 } };
const event = { data: "x".repeat(1_000) };

test("streams, channels of a store and bare sources have the same rule and the same error", async () => {
  expect(encodeEvent(event).length).toBeGreaterThan(1_000);
  const { registry } = createTestRegistry(options);
  const job = await registry.open("a");
  expect(() => job.push(event)).toThrow(tooLarge);

  const clock = createFakeClock();
  const stored = createTestRegistry({ ...options, store: createMemoryStore({ clock }) }, clock);
  expect(() => stored.registry.channel("a").push(event)).toThrow(tooLarge);

  const client = createMemoryClient();
  let connection: BareConnection | undefined;
  const failures: unknown[] = [];
  const observer = { failed: ({ error }: { readonly error: unknown }) => void failures.push(error) };
  void serve(client.request, client.open, (own) => void (connection = own), { ...options, observer });
  connection?.push(event);
  expect(failures).toEqual([tooLarge]);
});
