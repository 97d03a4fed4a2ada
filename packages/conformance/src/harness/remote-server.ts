import type { Message, Reply } from "../subject/index.ts";
import type { Observed } from "../subject/recorder.ts";
import type { Route, TestServerOptions } from "../subject/route.ts";
import { TestServer } from "../subject/test-server.ts";
import type { Client, ClientRequest } from "../wire/client.ts";
import { sendHttp1 } from "../wire/http1.ts";
import { sendHttp2 } from "../wire/http2.ts";
import type { Listening } from "./adapter.ts";
import { eventually } from "./eventually.ts";

/** The methods of a test server, called by message. */
type Remote = {
  readonly [Name in keyof TestServer]: (
    ...args: Parameters<TestServer[Name]>
  ) => Promise<Awaited<ReturnType<TestServer[Name]>>>;
};

/** One test's part of the server under test, and its clients. */
export interface RemoteServer extends Omit<Remote, "answer" | "serve"> {
  /** Adds a route; returns its path. */
  readonly serve: (route: Route) => Promise<string>;
  /** Sends a request over a new connection. */
  readonly send: (path: string, request?: ClientRequest) => Client;
  /** Sends a request, and waits for status and headers. */
  readonly get: (path: string, request?: ClientRequest) => Promise<Client>;
  /** Waits until a check of what the server observed does not throw. */
  readonly until: (check: (observed: Observed) => void) => Promise<Observed>;
  /** Waits until whatever is under way has arrived: for what must not happen. */
  readonly settled: () => Promise<void>;
}

/** Turns of both event loops after which nothing is under way any more. */
const TURNS = 20;

export async function createTestServer(
  { port, protocol = "http/1.1" }: Listening,
  tell: (message: string) => Promise<string>,
  options: TestServerOptions,
  clients: Client[],
): Promise<RemoteServer> {
  async function call(message: Message): Promise<unknown> {
    const reply = JSON.parse(await tell(JSON.stringify(message))) as Reply;
    if ("error" in reply) throw new Error(reply.error);
    return reply.value;
  }

  const id = (await call({ name: "create", args: [options] })) as number;
  const methods = Object.getOwnPropertyNames(TestServer.prototype).map((name) => [
    name,
    (...args: unknown[]) => call({ server: id, name, args }),
  ]);
  const remote = Object.fromEntries(methods) as Remote;

  const server: RemoteServer = {
    ...remote,
    serve: async (route) => `/${id}/${await remote.serve(route)}`,
    send(path, request = {}) {
      const withPath = { ...request, path: `${path}${request.path ?? ""}` };
      const client =
        protocol === "http/1.1"
          ? sendHttp1(port, withPath)
          : sendHttp2(protocol === "h2" ? "https" : "http", port, withPath);
      clients.push(client);
      return client;
    },
    get: (path, request) => server.send(path, request).answered(),
    until: (check) =>
      eventually(async () => {
        const observed = await remote.observed();
        check(observed);
        return observed;
      }),
    async settled() {
      for (let turn = 0; turn < TURNS; turn++) {
        await remote.ping();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  return server;
}
