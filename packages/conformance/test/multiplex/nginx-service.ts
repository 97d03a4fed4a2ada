import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { twoServerNginx } from "../proxies/nginx.ts";
import { freePort, runProxy } from "../proxies/proxy.ts";
import type { FromProducer, ProducerOptions, ToProducer } from "./producer-process.ts";
import type { FromServer, MultiplexServerOptions, ToServer } from "./server-process.ts";
import type { StorePlace } from "./shared-store.ts";

async function start(file: string, options: object): Promise<ChildProcess> {
  const child = fork(new URL(file, import.meta.url), [JSON.stringify(options)], {
    execArgv: ["--conditions=@holdfast/source"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const hasStarted = await Promise.race([once(child, "message"), exited.then(() => false)]);
  if (hasStarted === false) throw new Error(`${file} ended before it was ready.`);
  return child;
}

/** One of the two servers: a process that is started again when it is killed. */
class Server {
  /** How many connections got events, without those that were under way when it was killed. */
  served = 0;
  /** How many connections it has cut. */
  cuts = 0;
  kills = 0;
  readonly #options: MultiplexServerOptions;
  #child: Promise<ChildProcess>;

  constructor(options: MultiplexServerOptions) {
    this.#options = options;
    this.#child = this.#start();
  }

  async ready(): Promise<void> {
    await this.#child;
  }

  /** Cuts its connections to nginx. */
  async cut(): Promise<void> {
    (await this.#child).send("cut" satisfies ToServer);
  }

  /** Kills it, as `kill -9` does, and starts it again. Resolves when it is killed. */
  async kill(): Promise<void> {
    const child = await this.#child;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    this.kills++;
    this.#child = this.#start();
    // Who needs it next hears of the failure; at the end of the test nobody does.
    this.#child.catch(() => undefined);
  }

  async #start(): Promise<ChildProcess> {
    const child = await start("./server-process.ts", this.#options);
    child.on("message", (message: FromServer) => {
      if (message === "served") this.served++;
      else if (message === "cut") this.cuts++;
    });
    return child;
  }
}

/** A TCP proxy that cuts connections when it is told to. */
class Relay {
  cuts = 0;
  readonly #port: number;
  /** The connections that have received something. */
  readonly #clients = new Set<Socket>();
  readonly #server = createServer((client) => {
    const upstream = connect(this.#port, "127.0.0.1");
    // `close` follows every error.
    for (const socket of [client, upstream]) socket.on("error", () => undefined);
    client.pipe(upstream).pipe(client);
    upstream.once("data", () => this.#clients.add(client));
    upstream.once("close", () => client.destroy());
    client.once("close", () => {
      this.#clients.delete(client);
      upstream.destroy();
    });
  });

  constructor(port: number) {
    this.#port = port;
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    onTestFinished(() => void this.#server.close());
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const client of this.#clients) client.destroy();
    this.cuts += this.#clients.size;
    this.#clients.clear();
  }
}

/** A service of two processes behind nginx, which share a store with the producer of their streams, for one test. */
export class NginxService {
  readonly port: number;
  readonly relay: Relay;
  readonly servers: readonly [Server, Server];
  readonly #producer: ChildProcess;

  private constructor(
    port: number,
    relay: Relay,
    servers: readonly [Server, Server],
    producer: ChildProcess,
  ) {
    this.port = port;
    this.relay = relay;
    this.servers = servers;
    this.#producer = producer;
  }

  /** @param kept how many events of a stream the servers keep themselves */
  static async start(
    place: StorePlace,
    streams: ProducerOptions["streams"],
    kept: number,
  ): Promise<NginxService> {
    const ports = [await freePort(), await freePort()] as const;
    const servers = [
      new Server({ place, kept, port: ports[0] }),
      new Server({ place, kept, port: ports[1] }),
    ] as const;
    const options: ProducerOptions = { place, streams };
    const [producer] = await Promise.all([
      start("./producer-process.ts", options),
      ...servers.map((server) => server.ready()),
    ]);
    const nginx = await runProxy(twoServerNginx(ports), ports[0]);
    const relay = new Relay(nginx.port);
    return new NginxService(await relay.listen(), relay, servers, producer);
  }

  /** Pushes an event to each of the streams. */
  push(ids: readonly string[]): void {
    this.#producer.send({ push: ids } satisfies ToProducer);
  }

  /** Ends all streams. */
  async end(): Promise<void> {
    const answer = once(this.#producer, "message");
    this.#producer.send("end" satisfies ToProducer);
    const [message] = (await answer) as [FromProducer];
    if (message !== "ended") throw new Error(`The producer said ${message}.`);
  }
}
