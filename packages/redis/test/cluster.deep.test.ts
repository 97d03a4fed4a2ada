import { setTimeout as pause } from "node:timers/promises";
import { storeSuite } from "@holdfast/conformance/store-suite";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisClient, redisStore } from "../src/index.ts";
import { type ConnectedClient, ioredis } from "./support/clients.ts";
import { eventually } from "../../conformance/src/harness/eventually.ts";
import { freePort, redisBinary, type RedisServer, startRedis } from "./support/redis-server.ts";
import { append, STREAM } from "./support/stream.ts";

interface ClusterClient {
  readonly client: RedisClient;
  close(): void;
}

const ignore = (): void => undefined;

const libraries = [
  {
    name: "redis",
    async connect(ports: readonly number[]): Promise<ClusterClient> {
      const client = createCluster({
        rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })),
        defaults: { socket: { connectTimeout: 1_000 } },
      });
      client.on("error", ignore);
      await client.connect();
      return { client, close: () => client.destroy() };
    },
  },
  {
    name: "ioredis",
    async connect(ports: readonly number[]): Promise<ClusterClient> {
      const client = new Cluster(
        ports.map((port) => ({ host: "127.0.0.1", port })),
        { lazyConnect: true },
      );
      client.on("error", ignore);
      await client.connect();
      return { client, close: () => client.disconnect() };
    },
  },
];

describe.skipIf(redisBinary === undefined)("on a cluster", () => {
  let servers: RedisServer[] = [];
  let nodes: ConnectedClient[] = [];
  const ports = (): number[] => servers.map(({ port }) => port);

  beforeAll(async () => {
    for (const slots of [
      ["0", "8191"],
      ["8192", "16383"],
    ]) {
      const args = ["--cluster-enabled", "yes", "--cluster-port", `${await freePort()}`];
      const server = await startRedis({ args });
      servers.push(server);
      const node = await ioredis.connect(server.port);
      nodes.push(node);
      await node.command("CLUSTER", "ADDSLOTSRANGE", ...slots);
    }
    const [first, second] = nodes as [ConnectedClient, ConnectedClient];
    const bus = String(await second.command("CLUSTER", "NODES")).match(/@(\d+)/)?.[1] as string;
    await first.command("CLUSTER", "MEET", "127.0.0.1", `${servers[1]?.port}`, bus);
    for (const node of nodes) {
      await eventually(async () => {
        expect(await node.command("CLUSTER", "INFO")).toContain("cluster_state:ok");
        expect(await node.command("CLUSTER", "INFO")).toContain("cluster_known_nodes:2");
      });
    }
  }, 60_000);
  afterAll(async () => {
    for (const node of nodes) node.close();
    await Promise.all(servers.map((server) => server.stop()));
    servers = [];
    nodes = [];
  });

  describe.for(libraries)("with $name", (library) => {
    let connected: ClusterClient;
    let stores = 0;
    beforeAll(async () => {
      connected = await library.connect(ports());
    });
    afterAll(() => connected.close());

    storeSuite(
      { describe, test },
      {
        name: `a cluster of ${library.name}`,
        open: async () => ({
          store: redisStore({ client: connected.client, prefix: `${library.name}${++stores}:` }),
          flush: async () => void (await Promise.all(nodes.map((node) => node.command("FLUSHALL")))),
          pause: (ms) => pause(ms),
          close: async () => undefined,
        }),
      },
    );

    test("hints arrive again after a node has dropped its subscribers", async () => {
      const store = redisStore({
        client: connected.client,
        prefix: `${library.name}-drop:`,
        observer: { failed: ignore },
      });
      const ids = Array.from({ length: 8 }, (_, index) => `job ${index}`);
      const woken: (string | undefined)[] = [];
      const wake = store.wake(ids, (id) => void woken.push(id));
      onTestFinished(() => wake.close());
      await Promise.all(ids.map((id) => store.open(id, STREAM)));

      let last = 0;
      const expectHints = async (): Promise<void> => {
        woken.length = 0;
        await eventually(async () => {
          last++;
          await Promise.all(ids.map((id) => append(store, id, last, ["f"])));
          for (const id of ids) expect(woken).toContain(id);
        });
      };
      await expectHints();
      for (const node of nodes) {
        woken.length = 0;
        await node.command("CLIENT", "KILL", "TYPE", "pubsub");
        await eventually(() => expect(woken).toContain(undefined));
        await expectHints();
      }
    });
  });
});
