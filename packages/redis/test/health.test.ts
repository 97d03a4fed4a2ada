import { expect, test } from "vitest";
import { createHealth } from "../src/health.ts";

function setUp() {
  let watching: ((up: boolean) => void) | undefined;
  const health = createHealth((listener) => {
    watching = listener;
    return () => {
      watching = undefined;
    };
  });
  return { health, connection: () => watching };
}

test("changes are told, repetitions are not", () => {
  const { health } = setUp();
  const changes: boolean[] = [];
  health.listen((healthy) => void changes.push(healthy));
  for (const healthy of [true, false, false, true, true, false]) health.note(healthy);
  expect(changes).toEqual([false, true, false]);
});

test("the connection is watched while somebody listens", () => {
  const { health, connection } = setUp();
  expect(connection()).toBeUndefined();
  const changes: boolean[] = [];
  const offs = [1, 2].map(() => health.listen((healthy) => void changes.push(healthy)));
  connection()?.(false);
  expect(changes).toEqual([false, false]);
  offs[0]?.();
  offs[0]?.();
  connection()?.(true);
  expect(changes).toEqual([false, false, true]);
  offs[1]?.();
  expect(connection()).toBeUndefined();
});

test("who listens while it is away is told, unless it is back or they have left", async () => {
  const { health } = setUp();
  const changes: string[] = [];
  const listen = (name: string) => health.listen((healthy) => void changes.push(`${name} ${healthy}`));
  health.note(false);
  listen("late");
  listen("gone")();
  await Promise.resolve();
  expect(changes).toEqual(["late false"]);
});
