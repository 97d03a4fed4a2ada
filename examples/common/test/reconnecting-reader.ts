import { setTimeout } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { follow, type Received } from "./follow.ts";

/** Pause before reconnecting to a server that does not respond. */
const RETRY_MS = 100;

/** A reader of a stream. It reconnects whenever the connection breaks, and keeps all events that it received. */
export interface StreamReader {
  readonly received: readonly Received[];
  /** How often it has reconnected. */
  readonly reconnects: number;
  /** Resolves with the status of the stream when it has ended. */
  readonly ended: Promise<string>;
}

/** Reads a stream until it ends, or until the test is finished. */
export function readStream(url: string): StreamReader {
  const received: Received[] = [];
  let reconnects = 0;

  let isFinished = false;
  onTestFinished(() => {
    isFinished = true;
  });

  async function read(): Promise<string> {
    while (!isFinished) {
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
    return "not ended";
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
