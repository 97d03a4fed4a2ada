import { setTimeout } from "node:timers/promises";
import { follow, type Received } from "../../common/test/follow.ts";

/** Pause before reconnecting to a server that does not respond. */
const RETRY_MS = 100;

/** A reader of a job. It reconnects whenever the connection breaks, and keeps all events that it received. */
export interface JobReader {
  readonly received: readonly Received[];
  /** How often it has reconnected. */
  readonly reconnects: number;
  /** Resolves with the status of the stream when it has ended. */
  readonly ended: Promise<string>;
}

export function readJob(url: string): JobReader {
  const received: Received[] = [];
  let reconnects = 0;

  async function read(): Promise<string> {
    for (;;) {
      try {
        for await (const one of follow(url, received.findLast(({ id }) => id !== undefined)?.id)) {
          received.push(one);
          if (one.event === "stream.end") return one.data.status as string;
        }
      } catch {
        await setTimeout(RETRY_MS);
      }
      reconnects++;
    }
  }

  const ended = read();
  return {
    received,
    ended,
    get reconnects() {
      return reconnects;
    },
  };
}
