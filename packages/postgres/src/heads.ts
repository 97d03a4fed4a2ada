import type {
  PublicError,
  StoreAppended,
  StoreCursor,
  StoredEnd,
  StoreOpened,
  StorePage,
} from "@holdfast/core";
import { readHead, type StreamHead } from "@holdfast/core/store-kit";
import { brokenStream } from "./errors.ts";

/** A row of `streams` as JSON. */
interface HeadRow {
  readonly kind: "stream" | "channel";
  readonly epoch: string;
  readonly joints: StreamHead["joints"];
  readonly fence: number;
  readonly first: number;
  readonly last: number;
  readonly keep: number;
  readonly lease_until: number;
  readonly expires_at: number;
  readonly retry_window: number;
  readonly error: string | null;
  readonly end_status: StoredEnd["status"] | null;
  readonly end_error: string | null;
  readonly cancel_reason: string | null;
  readonly cancel_grace: number | null;
}

/** Equal errors have equal texts: an append that is repeated is recognised by them. */
export function encodeError(error: PublicError | undefined): string | null {
  if (error === undefined) return null;
  const { code, message, retryable, retryAfter } = error;
  return JSON.stringify({ code, message, retryable, retryAfter });
}

function decodeError(text: string): PublicError {
  return JSON.parse(text) as PublicError;
}

function endOf({ end_status: status, end_error: error }: HeadRow): StoredEnd | undefined {
  if (status === null) return undefined;
  return error === null ? { status } : { status, error: decodeError(error) };
}

function headOf(row: HeadRow): StreamHead {
  const { kind, epoch, joints, fence, first, last, keep } = row;
  if (!Number.isSafeInteger(last)) throw new Error("The head has no number of its last frame.");
  const end = endOf(row);
  return {
    kind,
    epoch,
    joints,
    fence,
    first,
    last,
    keep,
    leaseUntil: row.lease_until,
    expiresAt: row.expires_at,
    retryWindowMs: row.retry_window,
    ...(row.error !== null && { error: decodeError(row.error) }),
    ...(end !== undefined && { end }),
    ...(row.cancel_reason !== null && {
      cancel: { reason: JSON.parse(row.cancel_reason) as string, graceMs: row.cancel_grace ?? 0 },
    }),
  };
}

/** What a call answers, and whether there is a hint to send. */
export interface Decoded<T> {
  readonly value: T;
  readonly isNews: boolean;
}

/** @throws `STORE_UNAVAILABLE`, not retryable, for what the store did not write; as the other functions */
export function decodeOpened(text: unknown): Decoded<StoreOpened> {
  return decode(() => {
    const reply = JSON.parse(String(text)) as { now: number; granted: boolean; news: boolean; head: HeadRow };
    const head = headOf(reply.head);
    if (reply.granted) {
      const { epoch, fence, last, joints } = head;
      const opened = { role: "producer" as const, epoch, fence, last };
      return { value: joints.length > 0 ? { ...opened, joints } : opened, isNews: reply.news };
    }
    const found = readHead(head, null, reply.now);
    if (found.code === "missing") throw new Error("The head that refused the open has expired.");
    return { value: { role: "reader", meta: found.meta }, isNews: false };
  });
}

interface AppendReply {
  readonly code: StoreAppended["code"];
  readonly value: number;
  readonly head: HeadRow;
  readonly cancel?: string | null;
  readonly grace?: number | null;
  readonly news?: boolean;
}

export function decodeAppended(text: unknown): Decoded<StoreAppended> {
  return decode(() => {
    const { code, value, head, cancel, grace, news = false } = JSON.parse(String(text)) as AppendReply;
    const answer = (appended: StoreAppended): Decoded<StoreAppended> => ({ value: appended, isNews: news });
    switch (code) {
      case "missing":
        return answer({ code });
      case "gap":
        return answer({ code, expected: value });
      case "fenced":
        return answer({ code, fence: value });
      case "closed":
        return answer({ code, end: endOf(head) as StoredEnd });
      case "ok":
        return answer({
          code,
          last: value,
          ...(typeof cancel === "string" && { cancel: JSON.parse(cancel) as string }),
          ...(typeof grace === "number" && grace > 0 && { cancelGraceMs: grace }),
        });
    }
    throw new Error(`The store answered ${String(code)}.`);
  });
}

export function decodePage(row: Record<string, unknown> | undefined, after: StoreCursor | null): StorePage {
  return decode(() => {
    if (typeof row?.["head"] !== "string") return { code: "missing" };
    const head = headOf(JSON.parse(row["head"]) as HeadRow);
    const read = readHead(head, after, Number(row["now"]));
    if (read.code !== "ok") return read;
    if (read.next > head.last) return { code: "ok", meta: read.meta, frames: [] };
    const frames = framesOf(String(row["frames"]), String(row["sizes"]));
    if (Number(row["start"]) !== read.next || Number(row["stop"]) !== read.next + frames.length - 1) {
      throw new Error(`Frames from ${read.next} on are missing.`);
    }
    return { code: "ok", meta: read.meta, frames };
  });
}

function framesOf(base64: string, sizes: string): readonly Uint8Array[] {
  const bytes = Buffer.from(base64, "base64");
  let end = 0;
  return sizes.split(",").map((size) => bytes.subarray(end, (end += Number(size))));
}

function decode<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw brokenStream(error);
  }
}
