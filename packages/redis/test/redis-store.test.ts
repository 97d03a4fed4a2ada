import { setTimeout as pause } from "node:timers/promises";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { afterAll, beforeAll, describe, test } from "vitest";
import { redisStore } from "../src/index.ts";
import { type ConnectedClient, libraries } from "./support/clients.ts";
import { redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";

describe.skipIf(redisBinary === undefined)("on Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  describe.for(libraries)("with $name", (library) => {
    let here: ConnectedClient;
    let there: ConnectedClient;
    let stores = 0;
    beforeAll(async () => {
      [here, there] = await Promise.all([library.connect(server.port), library.connect(server.port)]);
    });
    afterAll(() => {
      here.close();
      there.close();
    });

    storeSuite(
      { describe, test },
      {
        name: library.name,
        async open() {
          const prefix = `${library.name}${++stores}:`;
          return {
            store: redisStore({ client: here.client, prefix }),
            other: redisStore({ client: there.client, prefix }),
            flush: async () => void (await here.command("FLUSHALL")),
            pause: (ms) => pause(ms),
            async close() {},
          };
        },
      },
    );
  });
});
