import { setTimeout } from "node:timers/promises";
import { follow, type Received } from "../../common/test/follow.ts";

/** How long to wait for a server that does not answer, in ms. */
const PAUSE = 100;

/** A reader of a job who comes back whenever the connection breaks, and keeps what came. */
export interface JobReader {
  readonly received: readonly Received[];
  /** How often it came back. */
  readonly returns: number;
  /** Resolves with the stream's last word, when there is one. */
  readonly ended: Promise<string>;
}

export function readJob(url: string): JobReader {
  const received: Received[] = [];
  let returns = 0;

  async function read(): Promise<string> {
    for (;;) {
      try {
        for await (const one of follow(url, received.findLast(({ id }) => id !== undefined)?.id)) {
          received.push(one);
          if (one.event === "stream.end") return one.data.status as string;
        }
      } catch {
        await setTimeout(PAUSE);
      }
      returns++;
    }
  }

  const ended = read();
  return {
    received,
    ended,
    get returns() {
      return returns;
    },
  };
}
