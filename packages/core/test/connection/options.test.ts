import { describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import {
  DELIVERY_DEFAULTS,
  resolveDelivery,
  resolveLimits,
  resolveRuntime,
  resolveStream,
  STREAM_DEFAULTS,
} from "../../src/connection/options.ts";
import { createFakeClock } from "../../src/testing/index.ts";

const invalid = (name: string): unknown =>
  expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(`\`${name}\``) });

describe("delivery options", () => {
  test("have the documented defaults", () => {
    expect(resolveDelivery(DELIVERY_DEFAULTS)).toEqual({
      heartbeat: 15_000,
      idleTimeout: 90_000,
      maxDuration: 3_600_000,
      wait: 90_000,
      from: undefined, // "now" in a channel, "start" in a stream
      control: true,
      overload: "drain",
      compression: false,
    });
  });

  test("are completed from a base; undefined means the same as missing", () => {
    const base = resolveDelivery(DELIVERY_DEFAULTS, { wait: 5, control: false });
    const call = { wait: undefined, heartbeat: 7 } as never;
    expect(resolveDelivery(base, call)).toEqual({
      ...DELIVERY_DEFAULTS,
      wait: 5,
      control: false,
      heartbeat: 7,
    });
  });

  test("may have a function as `control`", () => {
    const control = (): undefined => undefined;
    expect(resolveDelivery(DELIVERY_DEFAULTS, { control }).control).toBe(control);
  });

  test.each([
    ["heartbeat", 0],
    ["idleTimeout", -1],
    ["maxDuration", NaN],
    ["wait", -1],
    ["from", "end"],
    ["control", "no"],
    ["control", {}],
    ["overload", "queue"],
    ["heartbeat", null],
  ])("are checked: %s %j", (name, value) => {
    expect(() => resolveDelivery(DELIVERY_DEFAULTS, { [name]: value })).toThrow(invalid(name));
  });
});

describe("stream options", () => {
  test("have the documented defaults", () => {
    expect(resolveStream(STREAM_DEFAULTS)).toEqual({
      buffer: { events: 65_536, bytes: 8_388_608 },
      maxEventBytes: 1_048_576,
      linger: 60_000,
      retryWindow: 0,
      idle: 3_600_000,
    });
  });

  test("are completed from a base, also within `buffer`", () => {
    const base = resolveStream(STREAM_DEFAULTS, { buffer: { events: 5 }, linger: 0 });
    expect(resolveStream(base, { buffer: { bytes: 7 } })).toEqual({
      ...STREAM_DEFAULTS,
      buffer: { events: 5, bytes: 7 },
      linger: 0,
    });
  });

  test.each([
    ["buffer.events", { buffer: { events: 0 } }],
    ["buffer.bytes", { buffer: { bytes: 1.5 } }],
    ["maxEventBytes", { maxEventBytes: 0 }],
    ["linger", { linger: -1 }],
    ["retryWindow", { retryWindow: -1 }],
    ["idle", { idle: 0 }],
  ])("are checked: %s", (name, options) => {
    expect(() => resolveStream(STREAM_DEFAULTS, options)).toThrow(invalid(name));
  });
});

describe("limits", () => {
  test("have the documented defaults", () => {
    expect(resolveLimits({})).toEqual({
      bytes: 268_435_456,
      maxConnections: 10_000,
      maxConnectionsPerKey: Infinity,
      maxStreams: 100_000,
      maxWaiting: 1_000,
    });
  });

  test.each(["bytes", "maxConnections", "maxStreams", "maxWaiting"])("are checked: %s", (name) => {
    expect(() => resolveLimits({ [name]: 0 })).toThrow(invalid(name));
    expect(resolveLimits({ [name]: Infinity })).toMatchObject({ [name]: Infinity });
  });
});

describe("the runtime", () => {
  test("is the system clock and Math.random by default", () => {
    expect(resolveRuntime()).toMatchObject({ clock: systemClock, random: Math.random });
  });

  test("is what the options have, and reports to their observer", () => {
    const clock = createFakeClock();
    const random = (): number => 0.5;
    const warned = vi.fn<(info: unknown) => void>();
    const runtime = resolveRuntime({ clock, random, observer: { warned } });
    expect(runtime).toMatchObject({ clock, random });
    runtime.report("warned", { id: "a", message: "Look at this." });
    expect(warned.mock.calls).toEqual([[{ id: "a", message: "Look at this." }]]);
  });

  test.each([
    ["clock", { clock: {} }],
    ["random", { random: 0.5 }],
  ])("is checked: %s", (name, options) => {
    expect(() => resolveRuntime(options as never)).toThrow(invalid(name));
  });
});
