import { Redis } from "ioredis";
import { createClient } from "redis";
import type { RedisClient } from "../../src/index.ts";

export interface ClientOptions {
  readonly username?: string;
  readonly password?: string;
  readonly keyPrefix?: string;
  /** The trusted certificate, as PEM. */
  readonly ca?: string;
}

/** One of the two client libraries, used as a service uses it. */
export interface Library {
  readonly name: string;
  readonly connect: (port: number, options?: ClientOptions) => Promise<ConnectedClient>;
}

export interface ConnectedClient {
  readonly client: RedisClient;
  /** Sends any command, outside of the store. */
  readonly command: (...args: string[]) => Promise<unknown>;
  readonly close: () => void;
}

const ignore = (): void => undefined;

const nodeRedis: Library = {
  name: "redis",
  async connect(port, { username, password, keyPrefix, ca } = {}) {
    const client = createClient({
      url: `${ca === undefined ? "redis" : "rediss"}://127.0.0.1:${port}`,
      ...(ca !== undefined && { socket: { tls: true, ca } }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(keyPrefix !== undefined && { keyPrefix }),
    });
    client.on("error", ignore);
    await client.connect();
    return { client, command: (...args) => client.sendCommand(args), close: () => client.destroy() };
  },
};

export const ioredis: Library = {
  name: "ioredis",
  async connect(port, { username, password, keyPrefix, ca } = {}) {
    const client = new Redis(port, "127.0.0.1", {
      lazyConnect: true,
      ...(ca !== undefined && { tls: { ca } }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(keyPrefix !== undefined && { keyPrefix }),
    });
    client.on("error", ignore);
    await client.connect();
    return {
      client,
      command: (name, ...args) => client.call(name as string, ...args),
      close: () => client.disconnect(),
    };
  },
};

export const libraries: readonly Library[] = [nodeRedis, ioredis];
