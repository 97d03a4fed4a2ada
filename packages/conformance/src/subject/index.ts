import type { Exchange } from "./exchange.ts";
import { Stage, type StageOptions } from "./stage.ts";

export type { Exchange } from "./exchange.ts";

/** The server's half of the adapter suite: what is served, and what the suite wants to know of it. */
export interface Subject {
  /** Answers a request with what the suite has set up under its path. Resolves and rejects as the adapter does. */
  readonly answer: (exchange: Exchange) => Promise<unknown>;
  /** Does what a message of the suite says, and returns the reply. */
  readonly tell: (message: string) => Promise<string>;
}

/** A message of the suite: a call of a stage's method, or, without a stage, the beginning of one. */
export interface Message {
  readonly stage?: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What came of it. */
export type Reply = { readonly value: unknown } | { readonly error: string };

/**
 * Makes a subject. In a process of its own, hand it the requests of the suite, and its messages by whatever way; in the
 * suite's process there is one already.
 *
 * It needs nothing but what every fetch runtime has.
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
  const stages = new Map<number, Stage>();
  let last = 0;

  async function perform({ stage, name, args }: Message): Promise<unknown> {
    if (stage === undefined) {
      stages.set(++last, new Stage(...(args as [StageOptions])));
      return last;
    }
    const called = stages.get(stage) as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
    const value = await called[name]?.(...args);
    if (name === "finish") stages.delete(stage);
    return value;
  }

  return {
    async answer(exchange) {
      const [, stage, route = ""] = new URL(exchange.url, "http://127.0.0.1").pathname.split("/");
      const found = stages.get(Number(stage));
      if (found === undefined) throw new Error(`Nothing is served under ${exchange.url}.`);
      return found.answer(route, exchange);
    },
    async tell(message) {
      let reply: Reply;
      try {
        reply = { value: await perform(JSON.parse(message) as Message) };
      } catch (error) {
        reply = { error: String(error) };
      }
      return JSON.stringify(reply);
    },
  };
}
