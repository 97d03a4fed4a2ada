import type { Exchange } from "./exchange.ts";
import type { TestServerOptions } from "./route.ts";
import { TestServer } from "./test-server.ts";

export type { Exchange } from "./exchange.ts";

/** The server's half of the adapter suite: it serves what a test asks for, and reports what it observed. */
export interface Subject {
  /** Answers a request with what the test serves under its path. Resolves and rejects as the adapter does. */
  readonly answer: (exchange: Exchange) => Promise<unknown>;
  /** Executes a message of the suite, and returns the reply. */
  readonly tell: (message: string) => Promise<string>;
}

/** A message of the suite: it calls a method of a test server or, without `server`, creates one. */
export interface Message {
  /** The number of the test server, from the reply that created it. */
  readonly server?: number;
  /** The method to call. */
  readonly name: string;
  /** The arguments of the method or, without `server`, the options of the new test server. */
  readonly args: readonly unknown[];
}

/** The result of a message. */
export type Reply = { readonly value: unknown } | { readonly error: string };

/**
 * Creates a subject for a server in another process: pass it the suite's requests, and its messages over any channel. In
 * the process of the suite it exists already.
 *
 * It needs only what every fetch runtime has.
 *
 * @example
 * const subject = createSubject();
 * Deno.serve(async (request) => {
 *   const { url } = request;
 *   const body = await request.text();
 *   if (url.endsWith("/tell")) return new Response(await subject.tell(body));
 *   const sse = (source, options) => toResponse(request, source, options);
 *   return (await subject.answer({ url, body, sse })) as Response;
 * });
 */
export function createSubject(): Subject {
  const servers = new Map<number, TestServer>();
  let lastId = 0;

  async function execute({ server, name, args }: Message): Promise<unknown> {
    if (server === undefined) {
      servers.set(++lastId, new TestServer(...(args as [TestServerOptions])));
      return lastId;
    }
    const target = servers.get(server) as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const value = await target[name]?.(...args);
    if (name === "finish") servers.delete(server);
    return value;
  }

  return {
    async answer(exchange) {
      const [, server, route = ""] = new URL(exchange.url, "http://127.0.0.1").pathname.split("/");
      const found = servers.get(Number(server));
      if (found === undefined) throw new Error(`No test serves anything under ${exchange.url}.`);
      return found.answer(route, exchange);
    },
    async tell(message) {
      let reply: Reply;
      try {
        reply = { value: await execute(JSON.parse(message) as Message) };
      } catch (error) {
        reply = { error: String(error) };
      }
      return JSON.stringify(reply);
    },
  };
}
