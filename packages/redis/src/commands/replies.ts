import type {
  Joint,
  PublicError,
  StoreAppended,
  StoredEnd,
  StoreMeta,
  StoreOpened,
  StorePage,
} from "@holdfast/core";
import { brokenKey } from "./unavailable.ts";

/*
 * The replies of the scripts are arrays of `Buffer`s, integers and nulls. One that cannot be decoded comes from data that the
 * store did not write.
 */

/** Decodes a reply, or a part of it. */
type Decode<T> = (reply: unknown) => T;

/** @throws `STORE_UNAVAILABLE`, not retryable (from the returned function) */
function checked<T>(decode: Decode<T>): Decode<T> {
  return (reply) => {
    try {
      return decode(reply);
    } catch (error) {
      throw brokenKey(error);
    }
  };
}

const isPresent = (value: unknown): boolean => value !== null && value !== undefined;

/** Equal ends have equal texts: the script recognises a repeated append by comparing them. */
export function encodeEnd({ status, error }: StoredEnd): string {
  if (error === undefined) return JSON.stringify({ status });
  const { code, message, retryable, retryAfter } = error;
  return JSON.stringify({ status, error: { code, message, retryable, retryAfter } });
}

function decodeEnd(value: unknown): StoredEnd {
  return JSON.parse(String(value)) as StoredEnd;
}

/** `epoch:last` for each joint, oldest first. */
export function encodeJoints(joints: readonly Joint[]): string {
  return joints.map(({ epoch, last }) => `${epoch}:${last}`).join(" ");
}

function decodeJoints(value: unknown): { readonly joints?: readonly Joint[] } {
  const text = isPresent(value) ? String(value) : "";
  if (text === "") return {};
  const joints = text.split(" ").map((joint) => {
    const [epoch = "", last] = joint.split(":");
    return { epoch, last: Number(last) };
  });
  return { joints };
}

function decodeMeta(reply: unknown): StoreMeta {
  const [kind, epoch, first, last, fence, leaseLeft, end, cancel, joints, window, error] = list(reply);
  return {
    kind: oneOf(["stream", "channel"], kind),
    epoch: String(epoch),
    ...decodeJoints(joints),
    first: Number(first),
    last: Number(last),
    fence: Number(fence),
    leaseLeftMs: isPresent(leaseLeft) ? Number(leaseLeft) : Infinity,
    ...(Number(window) > 0 && { retryWindowMs: Number(window) }),
    ...(isPresent(error) && { error: JSON.parse(String(error)) as PublicError }),
    ...(isPresent(end) && { end: decodeEnd(end) }),
    ...(isPresent(cancel) && { cancel: String(cancel) }),
  };
}

export const decodeOpened: Decode<StoreOpened> = checked((reply) => {
  const [role, ...rest] = list(reply);
  if (oneOf(["producer", "reader"], role) === "reader") return { role: "reader", meta: decodeMeta(rest[0]) };
  const [epoch, fence, last, joints] = rest;
  return {
    role: "producer",
    epoch: String(epoch),
    fence: Number(fence),
    last: Number(last),
    ...decodeJoints(joints),
  };
});

export const decodeAppended: Decode<StoreAppended> = checked((reply) => {
  const [name, value, cancel, grace] = list(reply);
  const code = oneOf(["ok", "gap", "fenced", "closed", "missing"], name);
  switch (code) {
    case "ok":
      return {
        code,
        last: Number(value),
        ...(isPresent(cancel) && { cancel: String(cancel) }),
        ...(Number(grace) > 0 && { cancelGraceMs: Number(grace) }),
      };
    case "gap":
      return { code, expected: Number(value) };
    case "fenced":
      return { code, fence: Number(value) };
    case "closed":
      return { code, end: decodeEnd(value) };
    case "missing":
      return { code };
  }
});

export const decodePage: Decode<StorePage> = checked((reply) => {
  const [name, meta, frames] = list(reply);
  const code = oneOf(["ok", "trimmed", "epoch", "ahead", "missing"], name);
  if (code === "missing") return { code };
  if (code !== "ok") return { code, meta: decodeMeta(meta) };
  return { code, meta: decodeMeta(meta), frames: list(frames).map(bytes) };
});

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unexpected(value);
  return value;
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw unexpected(value);
  return value;
}

function oneOf<T extends string>(names: readonly T[], value: unknown): T {
  const name = names.find((known) => known === String(value));
  if (name === undefined) throw unexpected(value);
  return name;
}

function unexpected(value: unknown): Error {
  return new Error(`A script of the store replied with ${String(value)}.`);
}
