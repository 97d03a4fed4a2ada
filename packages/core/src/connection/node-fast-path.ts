import type { SinkEvents } from "./sink.ts";
import { type BodySink, createWebSink } from "./web-sink.ts";

/*
 * On Node a `Response` is written to a response of `node:http` in the end, chunk by chunk, through a promise and more for
 * each. That takes as long as everything else together. Once it is certain that nobody stands between the body and that
 * response, its chunks are written there at once; the body is left open, to end it by.
 *
 * It is certain when a chunk comes out at the response in the very reaction to the read that took it. Whoever changes a
 * body, or looks into it, reads it on one side and is read on the other, and so needs more reactions than one.
 */

/** What a `Response` is written to in the end: Node's response. */
export interface Outgoing {
  readonly headersSent: boolean;
  readonly destroyed?: boolean;
  write: (chunk: Uint8Array) => boolean;
  once(event: "drain" | "close", listener: () => void): unknown;
}

/** How many chunks are looked after. */
const ATTEMPTS = 8;

/** A web sink that takes the shortcut to `outgoing` as soon as it is certain that there is one. */
export function createShortcut(events: SinkEvents, outgoing: Outgoing): BodySink {
  let attempts = ATTEMPTS;
  let isTaken = false;
  let isLooking = false;
  let isHeld = false;
  let state: "open" | "closing" | "over" = "open";

  const web = createWebSink({
    drained() {
      if (!isTaken) events.drained();
    },
    closed() {
      state = "over";
      events.closed();
    },
  });

  // Something else may be answered instead, or was before: then nobody reads the body, nor says so.
  if (outgoing.destroyed === true) queueMicrotask(() => web.destroy());
  else outgoing.once("close", () => web.destroy());

  function give(chunk: Uint8Array<ArrayBuffer>): boolean {
    if (attempts === 0 || isLooking || !web.isEmpty() || !outgoing.headersSent) return web.give(chunk);
    attempts--;
    isLooking = true;
    const arrived = lookOut(outgoing, chunk);
    const taken = web.give(chunk);
    // Behind the reaction to the read, and before whatever follows from it.
    queueMicrotask(() => {
      isLooking = false;
      if (arrived() && web.isEmpty()) isTaken = true;
    });
    return taken;
  }

  function drained(): void {
    isHeld = false;
    if (state === "closing") web.close();
    else events.drained();
  }

  function writeDirectly(bytes: Uint8Array): boolean {
    if (state !== "open" || outgoing.destroyed === true) return false;
    isHeld = !outgoing.write(bytes);
    if (isHeld) outgoing.once("drain", drained);
    return !isHeld;
  }

  return {
    body: web.body,
    write: (bytes) => (isTaken ? writeDirectly(bytes) : give(bytes.slice())),
    close() {
      if (state !== "open") return;
      state = "closing";
      if (!isHeld) web.close();
    },
    destroy: (reason) => web.destroy(reason),
  };
}

/** Watches for a chunk. The returned function ends that, and says whether it was written. */
function lookOut(outgoing: Outgoing, chunk: Uint8Array): () => boolean {
  const { write } = outgoing;
  let isWritten = false;
  const watched: Outgoing["write"] = (...args) => {
    isWritten ||= args[0] === chunk;
    return write.apply(outgoing, args);
  };
  outgoing.write = watched;
  return () => {
    // It is set and not deleted: what has had a property deleted is slow for good.
    if (outgoing.write === watched) outgoing.write = write;
    return isWritten;
  };
}
