import { expect, test } from "vitest";
import { createFakeServer } from "../support/fake-server.ts";
import { control, event, follow, OPEN } from "../support/follow.ts";

/** Does with a store what React's `useSyncExternalStore` does. */
function useSyncExternalStore<T>(
  subscribe: (onChange: () => void) => () => void,
  getSnapshot: () => T,
): { readonly renders: T[]; unmount(): void } {
  const renders = [getSnapshot()];
  const unmount = subscribe(() => {
    const snapshot = getSnapshot();
    if (!Object.is(snapshot, renders.at(-1))) renders.push(snapshot);
  });
  return { renders, unmount };
}

test("the state is an external store for React", async () => {
  const server = createFakeServer();
  const { connection } = await follow(server);
  const { subscribe } = connection;
  const store = useSyncExternalStore(subscribe, () => connection.state);
  expect(connection.state).toBe(connection.state);
  server.last.open(control("open", OPEN) + control("live", {}) + event("a"));
  await server.clock.flush();
  server.last.cut();
  await server.clock.flush();
  store.unmount();
  store.unmount();
  await server.clock.advance(1_000);
  expect(store.renders).toEqual([
    { status: "connecting", attempt: 1 },
    { status: "open" },
    { status: "replaying" },
    { status: "live" },
    {
      status: "retrying",
      attempt: 2,
      delay: 500,
      isAsked: false,
      reason: "network",
      message: "The network failed.",
      cause: expect.any(TypeError),
      loss: expect.objectContaining({ reason: "network" }),
    },
  ]);
});

test("attempts are counted since the last healthy connection", async () => {
  const server = createFakeServer();
  const { states } = await follow(server);
  server.last.cut();
  await server.clock.advance(500);
  server.last.cut();
  await server.clock.advance(1_000);
  server.last.open(event("a", "k3v9x0q2ma.1"));
  await server.clock.flush();
  server.last.end();
  await server.clock.advance(500);
  expect(states.map((state) => [state.status, "attempt" in state && state.attempt])).toEqual([
    ["retrying", 2],
    ["connecting", 2],
    ["retrying", 3],
    ["connecting", 3],
    ["open", false],
    ["retrying", 1],
    ["connecting", 1],
  ]);
});

test("while it retries, the state has the HTTP status of a response that was refused, and the cause of a loss", async () => {
  const server = createFakeServer();
  const { connection } = await follow(server);
  server.last.respond(503);
  await server.clock.flush();
  expect(connection.state).toMatchObject({
    status: "retrying",
    reason: "unavailable",
    loss: { status: 503 },
    cause: undefined,
  });
  await server.clock.advance(1_000);
  server.last.cut();
  await server.clock.flush();
  const { cause, loss } = connection.state as {
    cause?: unknown;
    loss?: { cause?: unknown; status?: number };
  };
  expect(cause).toMatchObject({ message: "terminated" });
  expect([loss?.cause, loss?.status]).toEqual([cause, undefined]);
});

test("an interrupted stream is `waiting`, without a call of onServerError, until its next event", async () => {
  const server = createFakeServer();
  const errors: unknown[] = [];
  const { connection, states } = await follow(server, { onServerError: (error) => errors.push(error) });
  server.last.open(
    control("open", OPEN, "k3v9x0q2ma.0") +
      control("live", {}) +
      control("error", { code: "INTERRUPTED", message: "Soon.", retryable: true }),
  );
  await server.clock.flush();
  expect(connection.state).toEqual({ status: "waiting" });
  server.last.send(event("a", "k3v9x0q2ma.1"));
  await server.clock.flush();
  expect(states.map(({ status }) => status)).toEqual(["open", "replaying", "live", "waiting", "live"]);
  expect([errors, server.requests]).toEqual([[], 1]);
});

test("a listener can add and remove listeners", async () => {
  const server = createFakeServer();
  const { connection } = await follow(server);
  const calls: string[] = [];
  const off = connection.subscribe(({ status }) => {
    calls.push(`first ${status}`);
    off();
    connection.subscribe((state) => calls.push(`second ${state.status}`));
  });
  server.last.open();
  await server.clock.flush();
  server.last.cut();
  await server.clock.flush();
  expect(calls).toEqual(["first open", "second open", "second retrying"]);
});
