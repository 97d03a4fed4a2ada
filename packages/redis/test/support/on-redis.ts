import { afterAll, beforeAll, describe, onTestFinished } from "vitest";
import { redisStore, type RedisStoreOptions } from "../../src/index.ts";
import { type ClientOptions, type ConnectedClient, libraries, type Library } from "./clients.ts";
import { redisBinary, type RedisServer, type ServerOptions, startRedis } from "./redis-server.ts";

export interface OnRedis {
  readonly library: Library;
  readonly server: () => RedisServer;
  /** Connects a client, which is closed after the test. */
  readonly connect: (options?: ClientOptions) => Promise<ConnectedClient>;
  /** Connects a client, and creates a store that uses it. */
  readonly open: (
    options?: Partial<RedisStoreOptions>,
  ) => Promise<ConnectedClient & { readonly store: ReturnType<typeof redisStore> }>;
}

/** Runs the same tests with both client libraries, each with its own Redis. */
export function describeOnRedis(
  name: string,
  tests: (on: OnRedis) => void,
  server: () => ServerOptions = () => ({}),
  client: () => ClientOptions = () => ({}),
): void {
  describe.skipIf(redisBinary === undefined).for(libraries)(`${name}, with $name`, (library) => {
    let running: RedisServer;
    beforeAll(async () => {
      running = await startRedis(server());
    });
    afterAll(() => running.stop());

    const on: OnRedis = {
      library,
      server: () => running,
      async connect(options) {
        const connected = await library.connect(running.port, { ...client(), ...options });
        onTestFinished(() => connected.close());
        return connected;
      },
      async open(options) {
        const connected = await on.connect();
        return { ...connected, store: redisStore({ client: connected.client, ...options }) };
      },
    };
    tests(on);
  });
}
