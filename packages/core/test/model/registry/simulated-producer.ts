import { HoldfastError } from "../../../src/base/errors.ts";
import type { AnyEvents } from "../../../src/protocol/event.ts";
import type { StreamWriter } from "../../../src/stream/writer.ts";
import type { Failure } from "./history.ts";
import type { StreamRecord } from "./reference-model.ts";
import type { SimulatedSource } from "./simulated-source.ts";

/** The producer that has a stream, or had it last: a writer, or one run of a source on demand. */
export interface Producer {
  readonly record: StreamRecord;
  readonly signal: AbortSignal;
  /** `undefined` for a source on demand. */
  readonly writer: StreamWriter<AnyEvents> | undefined;
  /** What the registry or `pipe` reads; `undefined` for a writer that pushes. */
  readonly source: SimulatedSource | undefined;
  /** For how long the stream waits for another producer if this one fails, in ms. */
  readonly retryWindow: number;
  /** How it has left the stream, if it has ended or failed it itself. */
  outcome: string | undefined;
}

/** A job that fails with this error is not run again. */
const FINAL = new HoldfastError("SOURCE_FAILED", "a secret", { expose: false });
const RETRYABLE = new HoldfastError("SOURCE_FAILED", "The model is overloaded.", { retryable: true });
/** The `retryWithin` of a failure, in ms. */
const RETRY_WITHIN = 700;

/** Waits for all pending microtasks, without moving the clock. */
export const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Returns the id of the event, or `undefined` if it was ignored, as it must be after the producer's own end. */
export function push({ writer, outcome }: Producer, data: string): string | undefined {
  try {
    return writer?.push({ event: "token", data });
  } catch (error) {
    if (outcome === undefined || (error as { code?: string }).code !== "STREAM_ENDED") throw error;
    return undefined;
  }
}

export async function end({ writer, source }: Producer): Promise<void> {
  if (source === undefined) return writer?.end();
  source.emit({ end: "done" });
  await macrotask();
}

export async function fail({ writer, source }: Producer, how: Failure): Promise<void> {
  if (source === undefined) return writer && failWriter(writer, how);
  source.emit({ error: errorOf(how) });
  await macrotask();
}

async function failWriter(writer: StreamWriter<AnyEvents>, how: Failure): Promise<void> {
  if (how === "disposed") return writer[Symbol.dispose]();
  const isExplicit = how === "retried later" || how === "not retried";
  const retryWithin = how === "retried later" ? RETRY_WITHIN : 0;
  await writer.fail(errorOf(how), isExplicit ? { retryWithin } : {});
}

/** The error of a failure: one that says that the job is not run again, where `retryWithin` says something else. */
export function errorOf(how: Failure): Error {
  if (how === "final" || how === "retried later") return FINAL;
  return how === "retryable" ? RETRYABLE : new Error("a secret");
}

/** For how long the stream waits for another producer after this failure, in ms. A source has no `retryWithin`. */
export function windowAfter(how: Failure, { source, retryWindow }: Producer): number {
  if (how === "retried later") return source === undefined ? RETRY_WITHIN : 0;
  if (how === "not retried") return source === undefined ? 0 : retryWindow;
  return how === "final" ? 0 : retryWindow;
}
