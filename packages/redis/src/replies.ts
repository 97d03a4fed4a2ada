import type { StoreAppended, StoredEnd, StoreMeta, StoreOpened, StorePage } from "@holdfast/core";

/* What the scripts answer: arrays of Buffers, numbers and nulls. */

type Reply = readonly unknown[];

const isThere = (value: unknown): boolean => value !== null && value !== undefined;

/** Always the same text for the same end: an append that is repeated is known by it. */
export function encodeEnd({ status, error }: StoredEnd): string {
  if (error === undefined) return JSON.stringify({ status });
  const { code, message, retryable, retryAfter } = error;
  return JSON.stringify({ status, error: { code, message, retryable, retryAfter } });
}

function decodeEnd(value: unknown): StoredEnd {
  return JSON.parse(String(value)) as StoredEnd;
}

function readMeta(reply: Reply): StoreMeta {
  const [kind, epoch, first, last, fence, leaseLeft, end, cancel] = reply;
  return {
    kind: String(kind) as StoreMeta["kind"],
    epoch: String(epoch),
    first: Number(first),
    last: Number(last),
    fence: Number(fence),
    leaseLeftMs: isThere(leaseLeft) ? Number(leaseLeft) : Infinity,
    ...(isThere(end) && { end: decodeEnd(end) }),
    ...(isThere(cancel) && { cancel: String(cancel) }),
  };
}

export function readOpened(answer: unknown): StoreOpened {
  const [role, ...rest] = answer as Reply;
  if (String(role) === "reader") return { role: "reader", meta: readMeta(rest[0] as Reply) };
  const [epoch, fence, last] = rest;
  return { role: "producer", epoch: String(epoch), fence: Number(fence), last: Number(last) };
}

export function readAppended(answer: unknown): StoreAppended {
  const [name, value, cancel] = answer as Reply;
  const code = String(name) as StoreAppended["code"];
  switch (code) {
    case "ok":
      return { code, last: Number(value), ...(isThere(cancel) && { cancel: String(cancel) }) };
    case "gap":
      return { code, expected: Number(value) };
    case "fenced":
      return { code, fence: Number(value) };
    case "closed":
      return { code, end: decodeEnd(value) };
    case "missing":
      return { code };
  }
}

export function readPage(answer: unknown): StorePage {
  const [name, meta, frames] = answer as Reply;
  const code = String(name) as StorePage["code"];
  if (code === "missing") return { code };
  if (code !== "ok") return { code, meta: readMeta(meta as Reply) };
  return { code, meta: readMeta(meta as Reply), frames: frames as Uint8Array[] };
}
