import { expect, test } from "vitest";
import { createHealth } from "../../src/commands/health.ts";

function setUp() {
  let connectionListener: ((connected: boolean) => void) | undefined;
  const health = createHealth((listener) => {
    connectionListener = listener;
    return () => {
      connectionListener = undefined;
    };
  });
  return { health, connection: () => connectionListener };
}

test("listeners are called for changes only", () => {
  const { health } = setUp();
  const changes: boolean[] = [];
  health.addListener((healthy) => void changes.push(healthy));
  for (const healthy of [true, false, false, true, true, false]) health.report(healthy);
  expect(changes).toEqual([false, true, false]);
});

test("the connection is watched while there are listeners", () => {
  const { health, connection } = setUp();
  expect(connection()).toBeUndefined();
  const changes: boolean[] = [];
  const removers = [1, 2].map(() => health.addListener((healthy) => void changes.push(healthy)));
  connection()?.(false);
  expect(changes).toEqual([false, false]);
  removers[0]?.();
  removers[0]?.();
  connection()?.(true);
  expect(changes).toEqual([false, false, true]);
  removers[1]?.();
  expect(connection()).toBeUndefined();
});

test("a listener added during an outage is called with false, unless it is removed first", async () => {
  const { health } = setUp();
  const changes: string[] = [];
  const listen = (name: string) => health.addListener((healthy) => void changes.push(`${name} ${healthy}`));
  health.report(false);
  listen("late");
  listen("removed")();
  await Promise.resolve();
  expect(changes).toEqual(["late false"]);
});
