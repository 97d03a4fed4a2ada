import { createRegistry, HoldfastError, type Registry, type Source } from "@holdfast/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { eventually } from "../../src/harness/eventually.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { startStreamServer } from "../support/stream-server.ts";
import { CLOSED, type EventSourceImplementation } from "./implementation.ts";

/** When another `EventSource` has reconnected this often, the one under test would have reconnected too. */
const RECONNECTIONS = 5;

type Job = Awaited<ReturnType<Registry["open"]>>;

/** The failures and the short `wait` are intended: they are not logged. */
const observer = { failed: (): void => undefined, warned: (): void => undefined };
const failure = new HoldfastError("SOURCE_FAILED", "It will not be tried again.");

const streams: Record<string, (job: Job, registry: Registry) => unknown> = {
  "a stream that is done": (job) => job.end(),
  "a stream that failed": (job) => job.fail(failure),
  "a cancelled stream": (_, registry) => registry.cancel("job"),
};

const bareSources: Record<string, Source> = {
  "a bare source that returned": async function* () {
    yield { data: "one" };
  },
  "a bare source that closed": ({ push, close }) => {
    push({ data: "one" });
    close();
  },
  "a bare source that failed": async function* () {
    yield { data: "one" };
    throw failure;
  },
};

/** A terminal id stops an `EventSource` for good. */
export function terminalIdSuite(client: EventSourceImplementation): void {
  describe.each([true, false])(`${client.name} does not reconnect, with \`control: %s\`, to`, (control) => {
    test.each(Object.entries(streams))("%s", async (_, end) => {
      const registry = startRegistry();
      const job = await registry.open("job");
      job.push({ data: "one" });
      await end(job, registry);
      await expectNoReconnection(client, registry, registry.stream("job"), control);
    });

    // With `control: false`, a terminal id is in a block without data. A bare source has no log that knows its last event.
    const testOfBareSource = client.ignoresIdWithoutData === true && !control ? test.fails : test;
    testOfBareSource.each(Object.entries(bareSources))("%s", async (_, source) => {
      await expectNoReconnection(client, startRegistry(), source, control);
    });
  });
}

function startRegistry(): Registry {
  const registry = createRegistry({ observer });
  onTestFinished(() => registry.close());
  return registry;
}

async function expectNoReconnection(
  client: EventSourceImplementation,
  registry: Registry,
  ended: Source,
  control: boolean,
): Promise<void> {
  let source = ended;
  const server = await startStreamServer(() => source, { control, wait: 1, observer });
  const url = `http://127.0.0.1:${(await startCuttingProxy(server.port)).port}/stream`;
  const { dispatched, state } = await client.listen(url);
  // The second request is answered with 204.
  await eventually(() => expect(server.cursors.length > 2 || dispatched.at(-1)?.state === CLOSED).toBe(true));
  expect(server.cursors).toEqual([undefined, expect.any(String)]);

  // Nobody opens this stream, so its clients reconnect; none of their requests has a cursor.
  source = registry.stream("other");
  await client.listen(url);
  await eventually(() => expect(server.cursors.length).toBeGreaterThan(2 + RECONNECTIONS));
  expect(new Set(server.cursors.slice(2))).toEqual(new Set([undefined]));
  expect(await state()).toBe(CLOSED);
}
