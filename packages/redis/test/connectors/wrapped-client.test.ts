import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisClient, redisStore } from "../../src/index.ts";
import { redisBinary, type RedisServer, startRedis } from "../support/redis-server.ts";
import { expectStoreWorks } from "../support/stream.ts";

/** Records the name of each command, as a tracing library records a span. */
type Trace = (command: string) => void;

interface Wrapped {
  readonly connector: "redis" | "ioredis";
  readonly connect: (port: number, trace: Trace) => Promise<{ client: RedisClient; close: () => void }>;
}

const ignore = (): void => undefined;

const wrappers: readonly Wrapped[] = [
  {
    connector: "redis",
    async connect(port, trace) {
      const client = createClient({ socket: { host: "127.0.0.1", port }, keyPrefix: "mine:" });
      client.on("error", ignore);
      await client.connect();
      return {
        client: {
          on: (event, listener) => client.on(event, listener),
          off: (event, listener) => client.off(event, listener),
          options: client.options,
          duplicate: (overrides: object) => client.duplicate(overrides),
          sendCommand(args: (string | Buffer)[], options: object) {
            trace(String(args[0]));
            return client.sendCommand(args, options);
          },
        },
        close: () => client.destroy(),
      };
    },
  },
  {
    connector: "ioredis",
    async connect(port, trace) {
      const client = new Redis(port, "127.0.0.1", { lazyConnect: true, keyPrefix: "mine:" });
      client.on("error", ignore);
      await client.connect();
      const traced = (command: string) => (args: (string | Buffer)[]) => {
        trace(command);
        return client.callBuffer(command, ...args);
      };
      return {
        client: {
          isCluster: false,
          on: (event, listener) => client.on(event, listener),
          off: (event, listener) => client.off(event, listener),
          options: client.options,
          duplicate: (overrides: object) => client.duplicate(overrides),
          evalBuffer: traced("eval"),
          evalshaBuffer: traced("evalsha"),
          unlinkBuffer: traced("unlink"),
        },
        close: () => client.disconnect(),
      };
    },
  },
];

describe.skipIf(redisBinary === undefined)("a store on a wrapped client", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  test.for(wrappers)(
    "works when `connector` is $connector, through the wrapper",
    async ({ connector, connect }) => {
      const commands: string[] = [];
      const { client, close } = await connect(server.port, (command) => void commands.push(command));
      onTestFinished(close);
      const store = redisStore({ client, connector, prefix: `${connector}:` });
      await expectStoreWorks(store);
      await store.delete("job");
      expect(commands).toEqual(expect.arrayContaining(["evalsha", "unlink"]));
    },
  );
});
