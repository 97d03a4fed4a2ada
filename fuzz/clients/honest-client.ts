import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../harness/random.ts";
import { Violation } from "../harness/wait.ts";
import { BlockParser } from "../invariants/block-parser.ts";
import { type SourceKind, StreamChecker } from "../invariants/stream-checker.ts";
import { type Answer, type Protocol, request } from "./request.ts";

export interface HonestClient {
  readonly protocol: Protocol;
  /** The servers, one of which serves each connection. */
  readonly ports: readonly number[];
  readonly path: string;
  readonly kind: SourceKind;
  readonly random: Random;
  /** Aborts when the client of a channel has read enough: a channel has no end. */
  readonly stop: AbortSignal;
  /** Aborts when nobody wants the result any more. */
  readonly over: AbortSignal;
  /** Called with what the client is doing, for the report of one that hangs. */
  readonly trace: (text: string) => void;
}

export interface HonestResult {
  readonly events: number;
  readonly resets: number;
  /** Connections that broke, or that the client left in the middle. */
  readonly cuts: number;
  /** Answers that told the client to come again later. */
  readonly refused: number;
  readonly end: string | undefined;
}

/** How many events of a channel are enough. */
const ENOUGH = 200;
/** Between two connections, in ms, whatever `retry:` says: the fuzzer has no time to wait. */
const RETRY = { min: 1, max: 40 };

/**
 * Reads one stream to its end, or a channel for a while. It behaves as it should, but its connections break at random, and
 * it sometimes reads slowly. Throws a `Violation` if it was not served every event in order.
 */
export async function readHonestly(client: HonestClient): Promise<HonestResult> {
  const { kind, random, stop, over, trace } = client;
  const checker = new StreamChecker(kind);
  let cuts = 0;
  let refused = 0;
  const isEnough = (): boolean => kind === "channel" && (checker.events >= ENOUGH || stop.aborted);

  for (;;) {
    over.throwIfAborted();
    const hadEnded = checker.end !== undefined;
    trace(`connects behind ${checker.cursor || "nothing"}, after ${checker.events} events and ${cuts} cuts`);
    checker.connects();
    const status = await readConnection(client, checker, isEnough);
    // A client that was told of the end asks once more: the answer is 204, whatever has become of the stream.
    const expected = hadEnded ? [0, 204] : [0, 200, 204, 503];
    if (!expected.includes(status))
      throw new Violation(`The answer to the cursor ${checker.cursor} is ${status}`);
    if (status === 204) checker.noContent();
    if (status === 503 || checker.drained === "busy") refused++;
    if (status === 204 || isEnough()) break;
    if (checker.end === undefined) cuts++;
    trace(`got ${status}${checker.drained === undefined ? "" : ` and ${String(checker.drained)}`}`);
    await pause(random.int(RETRY.min, RETRY.max));
  }
  return { events: checker.events, resets: checker.resets, cuts, refused, end: checker.end };
}

/** Reads one response; returns its status, 0 if there was none. */
async function readConnection(
  { protocol, ports, path, random }: HonestClient,
  checker: StreamChecker,
  isEnough: () => boolean,
): Promise<number> {
  const { cursor } = checker;
  const inQuery = random.chance(0.3) && cursor !== "";
  const target = inQuery ? `${path}${path.includes("?") ? "&" : "?"}lastEventId=${cursor}` : path;
  const headers = cursor === "" || inQuery ? {} : { "last-event-id": cursor };
  let answer: Answer;
  try {
    answer = await request(protocol, random.pick(ports), target, headers);
  } catch {
    return 0;
  }
  if (answer.status === 200) await readBody(answer, checker, random, isEnough);
  answer.leave();
  return answer.status;
}

async function readBody(
  { body }: Answer,
  checker: StreamChecker,
  random: Random,
  isEnough: () => boolean,
): Promise<void> {
  const parser = new BlockParser();
  const isSlow = random.chance(0.1);
  // Most connections break after some KiB, at any byte.
  let left = random.chance(0.2) ? Infinity : random.int(1, 30_000);
  for await (const chunk of chunksUntilCut(body)) {
    const taken = chunk.subarray(0, left);
    left -= taken.length;
    for (const block of parser.feed(taken)) checker.take(block);
    if (left <= 0 || isEnough()) return;
    if (isSlow) await pause(random.int(1, 30));
  }
}

/** The chunks of a body. A cut is no error here: the client connects again. */
async function* chunksUntilCut(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<Buffer>;
    try {
      next = await chunks.next();
    } catch {
      return;
    }
    if (next.done === true) return;
    yield next.value;
  }
}
