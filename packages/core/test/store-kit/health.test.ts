import { expect, test } from "vitest";
import { createHealth } from "../../src/store-kit/health.ts";

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
  for (const healthy of [true, false, false, true, true, false]) health.report("write", healthy);
  expect(changes).toEqual([false, true, false]);
});

test("a call of one kind says nothing about another", () => {
  const { health } = setUp();
  const changes: boolean[] = [];
  health.addListener((healthy) => void changes.push(healthy));
  health.report("write", false);
  health.report("read", false);
  health.report("read", true);
  expect(changes).toEqual([false]);
  health.report("write", true);
  expect(changes).toEqual([false, true]);
});

test("a connection that is back does not end the outage of what had failed over it", () => {
  const { health, connection } = setUp();
  const changes: boolean[] = [];
  health.addListener((healthy) => void changes.push(healthy));
  connection()?.(false);
  health.report("write", false);
  connection()?.(true);
  expect(changes).toEqual([false]);
  health.report("write", true);
  expect(changes).toEqual([false, true]);
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
  health.report("read", false);
  listen("late");
  listen("removed")();
  await Promise.resolve();
  expect(changes).toEqual(["late false"]);
});
