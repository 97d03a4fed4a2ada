/** The process of the server under test: one peer, and what publishes events to it. */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { multiplexed, peers, refusals } from "../peers/index.ts";
import type { PeerOptions, PeerServer } from "../peers/peer.ts";
import { microseconds } from "./clock.ts";
import { payload, token, wordOfAnswer } from "./payload.ts";
import { processUsage, type ProcessUsage } from "./process-usage.ts";
import { repeat } from "./repeat.ts";
import { expose } from "./rpc.ts";

let server: PeerServer;

export interface ServerOptions extends Omit<PeerOptions, "history"> {
  /** Events that the server holds for clients to replay: their number, and the size of each in bytes. */
  readonly history?: { readonly events: number; readonly bytes: number };
}

const api = {
  async start(
    name: string,
    { history, ...options }: ServerOptions,
  ): Promise<{ port: number; cursor?: string }> {
    const peer = await (peers[name] ?? refusals[name] ?? multiplexed[name])?.();
    if (peer === undefined) throw new Error(`unknown peer ${name}`);
    server = await peer.start({
      ...options,
      ...(history && { history: Array.from({ length: history.events }, () => payload(history.bytes)) }),
    });
    const { port, cursor } = server;
    return { port, ...(cursor !== undefined && { cursor }) };
  },

  async usage(collectGarbage: boolean): Promise<ProcessUsage> {
    return server.usage?.() ?? processUsage(collectGarbage);
  },

  /** @param intervalMs time between two events, in ms; 0 for one per turn of the event loop */
  async publish(path: string, bytes: number, events: number, intervalMs: number): Promise<void> {
    const data = payload(bytes);
    await repeat(events, intervalMs, () => server.publish(path, data));
  },

  /** Publishes an answer, a word every `intervalMs`, as a JSON object of some 70 bytes. */
  async publishAnswer(path: string, words: number, intervalMs: number): Promise<void> {
    let index = 0;
    await repeat(words, intervalMs, () => server.publish(path, wordOfAnswer(index++)));
  },

  /** Publishes tokens at a steady rate. One that is late, because the server was busy, has the time at which it was due. */
  async publishAtRate(path: string, events: number, perSecond: number): Promise<void> {
    const start = microseconds();
    const dueAt = (event: number): number => start + (event * 1e6) / perSecond;
    for (let event = 0; event < events; await sleep(1)) {
      for (; event < events && dueAt(event) <= microseconds(); event++)
        server.publish(path, token(dueAt(event)));
    }
  },

  /** Publishes tokens to many streams in turn at a steady rate, each token in a turn of the event loop of its own. */
  async publishInTurn(path: string, streams: number, events: number, perSecond: number): Promise<void> {
    const start = microseconds();
    for (let event = 0; event < events; event++) {
      server.publish(`${path}${event % streams}`, token());
      const isEarly = microseconds() < start + (event * 1e6) / perSecond;
      await (isEarly ? sleep(1) : nextTurn());
    }
  },

  /** Publishes tokens to many streams. Each stream has its own timer, and their starts are spread over an interval. */
  async publishTokens(path: string, streams: number, tokens: number, intervalMs: number): Promise<void> {
    const publish = async (index: number): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, (intervalMs * index) / streams));
      await repeat(tokens, intervalMs, () => server.publish(`${path}${index}`, token()));
    };
    await Promise.all(Array.from({ length: streams }, (_, index) => publish(index)));
  },
};

export type ServerApi = typeof api;
expose(api);
