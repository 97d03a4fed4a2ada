/** The process that serves: one peer, and what makes it send. */
import { peers } from "../peers/index.ts";
import type { PeerOptions, Serving } from "../peers/peer.ts";
import { pace } from "./pace.ts";
import { payload, token } from "./payload.ts";
import { expose } from "./remote.ts";
import { usage, type Usage } from "./usage.ts";

let serving: Serving;

export interface Stay extends Omit<PeerOptions, "history"> {
  /** So many events of so many bytes are held for clients that come. */
  readonly history?: { readonly events: number; readonly bytes: number };
}

const api = {
  async start(name: string, { history, ...options }: Stay): Promise<{ port: number; cursor?: string }> {
    const peer = await peers[name]?.();
    if (peer === undefined) throw new Error(`there is no peer ${name}`);
    serving = await peer.start({
      ...options,
      ...(history && { history: Array.from({ length: history.events }, () => payload(history.bytes)) }),
    });
    const { port, cursor } = serving;
    return { port, ...(cursor !== undefined && { cursor }) };
  },

  async usage(collect: boolean): Promise<Usage> {
    return serving.usage?.() ?? usage(collect);
  },

  /** @param every ms between two events; 0 for one in each turn of the event loop */
  async publish(path: string, bytes: number, events: number, every: number): Promise<void> {
    const data = payload(bytes);
    await pace(events, every, () => serving.publish(path, data));
  },

  /** Each stream has a clock of its own, as if each were somebody's answer. */
  async stream(path: string, streams: number, tokens: number, every: number): Promise<void> {
    const speak = async (index: number): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, (every * index) / streams));
      await pace(tokens, every, () => serving.publish(`${path}${index}`, token()));
    };
    await Promise.all(Array.from({ length: streams }, (_, index) => speak(index)));
  },
};

export type ServerApi = typeof api;
expose(api);
