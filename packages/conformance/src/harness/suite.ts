import assert from "node:assert/strict";
import { constants } from "node:http2";
import type { Test } from "../runner.ts";
import { createSubject } from "../subject/index.ts";
import type { TestServerOptions } from "../subject/route.ts";
import type { Client } from "../wire/client.ts";
import type { AdapterUnderTest, Capability } from "./adapter.ts";
import { createTestServer, type RemoteServer } from "./remote-server.ts";

/** What a test of the suite is written with. */
export interface Suite {
  readonly test: (name: string, run: (start: StartServer) => Promise<void>) => void;
  readonly has: (capability: Capability) => boolean;
  /** Waits until a response is over, and asserts that it was cut. */
  readonly assertCut: (client: Client) => Promise<void>;
  /**
   * Waits until a response is over, and asserts that it was cut in order: by a FIN without the last chunk, or by RST_STREAM
   * with `INTERNAL_ERROR`. A proxy may cut its own connection in another way.
   */
  readonly assertCutInOrder: (client: Client) => Promise<void>;
}

export type StartServer = (options?: TestServerOptions) => Promise<RemoteServer>;

/**
 * Each test has its own server. Whatever a test does, nothing is left when its clients have disconnected: no connection, no
 * call of the adapter, no stream. Each connection that opened has closed once, no failure that the test did not expect is reported,
 * and no bytes followed the end of a response.
 */
export function createSuite(test: Test, { start, capabilities = {} }: AdapterUnderTest): Suite {
  const has: Suite["has"] = (capability) => typeof capabilities[capability] !== "object";
  const assertCut: Suite["assertCut"] = async (client) => {
    const state = await client.finished();
    if (has("visibleCut")) assert.equal(state, "cut", "To the client the response looks complete.");
  };
  return {
    has,
    assertCut,
    async assertCutInOrder(client) {
      await assertCut(client);
      if (!has("visibleCut") || !has("orderlyCut") || !has("direct")) return;
      assert(
        client.cutBy === "FIN" || client.cutBy === constants.NGHTTP2_INTERNAL_ERROR,
        `The response was cut by ${client.cutBy}.`,
      );
    },
    test: (name, run) =>
      test(name, async () => {
        const subject = createSubject();
        const listening = await start(subject.answer);
        const servers: RemoteServer[] = [];
        const clients: Client[] = [];
        try {
          await run(async (options = {}) => {
            const tell = listening.tell ?? subject.tell;
            const server = await createTestServer(listening, tell, options, clients);
            servers.push(server);
            return server;
          });
          for (const client of clients) client.disconnect();
          for (const server of servers) await assertNothingLeft(server);
          for (const client of clients) assert.equal(client.extra, "", "bytes after the end of a response");
        } finally {
          for (const client of clients) client.disconnect();
          await listening.close();
        }
      }),
  };
}

async function assertNothingLeft(server: RemoteServer): Promise<void> {
  const { failed, rejected } = await server.until(({ gauges, pendingCalls, opened, closed }) => {
    assert.equal(gauges.connections, 0, "open connections");
    assert.equal(gauges.waiting, 0, "waiting clients");
    assert.equal(pendingCalls, 0, "calls of the adapter that have not settled");
    assert.equal(closed.length, opened, "connections that closed");
  });
  assert.deepEqual(failed, []);
  assert.deepEqual(rejected, [], "calls of the adapter that were rejected after the response began");
  const left = await server.finish();
  assert.deepEqual(left, { connections: 0, waiting: 0, streams: 0, lingering: 0, bytes: 0 });
}
