import type { Client, ClientRequest } from "../wire/client.ts";
import { sendHttp1 } from "../wire/http1.ts";
import { sendHttp2 } from "../wire/http2.ts";
import type { Message, Reply } from "../subject/index.ts";
import { type Route, type Seen, Stage, type StageOptions } from "../subject/stage.ts";
import type { Listening } from "./adapter.ts";
import { eventually } from "./eventually.ts";

/** A stage, wherever it is. */
type Remote = {
  readonly [Name in keyof Stage]: (
    ...args: Parameters<Stage[Name]>
  ) => Promise<Awaited<ReturnType<Stage[Name]>>>;
};

/** One test's part of the server under test, and its clients. */
export interface Server extends Omit<Remote, "answer" | "serve"> {
  /** Serves something; returns the path. */
  readonly serve: (route: Route) => Promise<string>;
  /** Sends a request over a connection of its own. */
  readonly send: (path: string, request?: ClientRequest) => Client;
  /** Sends a request, and waits for status and headers. */
  readonly get: (path: string, request?: ClientRequest) => Promise<Client>;
  /** Looks at what the server saw until the look does not throw, for `deadline` ms at most. */
  readonly until: (look: (seen: Seen) => void, deadline?: number) => Promise<Seen>;
  /** Lets the server have so many turns that nothing which is under way can still arrive. */
  readonly settled: () => Promise<void>;
}

const TURNS = 20;

export async function beginStage(
  { port, protocol = "http/1.1" }: Listening,
  tell: (message: string) => Promise<string>,
  options: StageOptions,
  sent: Client[],
): Promise<Server> {
  async function ask(message: Message): Promise<unknown> {
    const reply = JSON.parse(await tell(JSON.stringify(message))) as Reply;
    if ("error" in reply) throw new Error(reply.error);
    return reply.value;
  }

  const stage = (await ask({ name: "begin", args: [options] })) as number;
  const methods = Object.getOwnPropertyNames(Stage.prototype).map((name) => [
    name,
    (...args: unknown[]) => ask({ stage, name, args }),
  ]);
  const remote = Object.fromEntries(methods) as Remote;

  const server: Server = {
    ...remote,
    serve: async (route) => `/${stage}/${await remote.serve(route)}`,
    send(path, request = {}) {
      const whole = { ...request, path: `${path}${request.path ?? ""}` };
      const client =
        protocol === "http/1.1"
          ? sendHttp1(port, whole)
          : sendHttp2(protocol === "h2" ? "https" : "http", port, whole);
      sent.push(client);
      return client;
    },
    get: (path, request) => server.send(path, request).answered(),
    until: (look, deadline) =>
      eventually(async () => {
        const seen = await remote.seen();
        look(seen);
        return seen;
      }, deadline),
    async settled() {
      for (let turn = 0; turn < TURNS; turn++) {
        await remote.turn();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
  return server;
}
