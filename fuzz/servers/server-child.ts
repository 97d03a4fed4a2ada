/*
 * The servers under attack, in a process of their own, so that their memory, sockets and unhandled errors are seen.
 */
import { once } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { promisify } from "node:util";
import { obey, reportProblem } from "../harness/child.ts";
import { Random } from "../harness/random.ts";
import { openStore, type StoreConfig } from "../stores/open-store.ts";
import { type AdapterName, adapters } from "./adapters.ts";
import { Service } from "./service.ts";

export interface ServerConfig {
  readonly adapter: AdapterName;
  readonly seed: number;
  /** The services in this process, of `processes` in all. Each has a server of its own. */
  readonly indexes: readonly number[];
  readonly processes: number;
  readonly store: StoreConfig;
}

/** Longer than several heartbeats, in ms. */
const SESSION_TIMEOUT = 3_000;

const config = JSON.parse(process.argv[2] as string) as ServerConfig;
const random = new Random(config.seed);
const store = openStore(config.store, random.fork());

const services = config.indexes.map(
  (index) =>
    new Service({
      random: random.fork(),
      index,
      processes: config.processes,
      store: store.connect(),
      report: reportProblem,
    }),
);
const servers = await Promise.all(
  services.map(async ({ route }): Promise<Server> => adapters[config.adapter](route, reportProblem)),
);

// Without a time-out Node itself never notices that some clients of HTTP/2 are gone: with an unread byte, for instance.
for (const server of servers) {
  server.on("session", (session: ServerHttp2Session) => {
    session.setTimeout(SESSION_TIMEOUT, () => session.destroy());
  });
}

/** Adds up what the services have. */
function sum(states: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const state of states) {
    for (const [name, value] of Object.entries(state)) total[name] = (total[name] ?? 0) + value;
  }
  return total;
}

const commands = {
  /** Listens; returns the ports. */
  async listen() {
    for (const server of servers) await once(server.listen(0, "127.0.0.1", 2_000), "listening");
    return servers.map((server) => (server.address() as AddressInfo).port);
  },
  start: () => services.forEach((service) => service.start()),
  /** Stops the producers. */
  stop: () => Promise.all(services.map((service) => service.stop())).then(() => undefined),
  async state() {
    const sockets = await Promise.all(
      servers.map((server) => promisify(server.getConnections.bind(server))()),
    );
    return sum([
      ...services.map((service) => service.state()),
      ...sockets.map((count) => ({ sockets: count })),
    ]);
  },
  setFaults: (isOn: boolean) => store.setFaults(isOn),
  faults: () => store.faults(),
  async close() {
    const states = await Promise.all(services.map((service) => service.close()));
    await store.close();
    for (const server of servers) server.close();
    return sum(states);
  },
};

export type ServerCommands = typeof commands;

obey(commands);
