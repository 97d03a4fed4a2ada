import assert from "node:assert/strict";
import type { Test } from "../runner.ts";
import { createSubject } from "../subject/index.ts";
import type { StageOptions } from "../subject/stage.ts";
import type { Client } from "../wire/client.ts";
import type { AdapterUnderTest, Capability } from "./adapter.ts";
import { beginStage, type Server } from "./server.ts";

/** The runner, for tests that are each given a server of their own. */
export interface Suite {
  readonly test: (name: string, run: (begin: Begin) => Promise<void>) => void;
  readonly has: (capability: Capability) => boolean;
  /** Waits until a client's response is over, which was cut. */
  readonly wasCut: (client: Client) => Promise<void>;
}

export type Begin = (options?: StageOptions) => Promise<Server>;

/**
 * Whatever a test did, when its clients have gone nothing is left: no connection, no call of the adapter, no stream;
 * each connection that opened has closed once, nothing failed that the test did not forgive, and nobody was sent anything
 * behind the end of a response.
 */
export function createSuite(test: Test, { start, capabilities = {} }: AdapterUnderTest): Suite {
  const has: Suite["has"] = (capability) => typeof capabilities[capability] !== "object";
  return {
    has,
    async wasCut(client) {
      const state = await client.over();
      if (has("visibleCut")) assert.equal(state, "cut", "The client takes it for the end.");
    },
    test: (name, run) =>
      test(name, async () => {
        const subject = createSubject();
        const listening = await start(subject.answer);
        const servers: Server[] = [];
        const sent: Client[] = [];
        try {
          await run(async (options = {}) => {
            const server = await beginStage(listening, listening.tell ?? subject.tell, options, sent);
            servers.push(server);
            return server;
          });
          for (const client of sent) client.leave();
          for (const server of servers) await leftNothing(server);
          for (const client of sent)
            assert.equal(client.surplus, "", "what came behind the end of a response");
        } finally {
          for (const client of sent) client.leave();
          await listening.close();
        }
      }),
  };
}

async function leftNothing(server: Server): Promise<void> {
  const { failed, rejected } = await server.until(({ gauges, handling, opened, closed }) => {
    assert.equal(gauges.connections, 0, "connections that are left");
    assert.equal(gauges.waiting, 0, "clients that still wait");
    assert.equal(handling, 0, "calls of the adapter that are not over");
    assert.equal(closed.length, opened, "connections that closed");
  });
  assert.deepEqual(failed, []);
  assert.deepEqual(rejected, [], "calls of the adapter that were rejected after the response began");
  const left = await server.finish();
  assert.deepEqual(left, { connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
}
