import fc from "fast-check";
import { expect, test } from "vitest";
import {
  abortedError,
  closedError,
  HoldfastError,
  isAbort,
  toHoldfastError,
  toPublicError,
} from "../../src/base/errors.ts";

test("an error has a code and a cause; by default it is exposed and not retryable", () => {
  const cause = new Error("why");
  const error = new HoldfastError("GONE", "There is nothing.", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "HoldfastError",
    code: "GONE",
    message: "There is nothing.",
    cause,
    retryable: false,
    retryAfter: undefined,
    expose: true,
  });
  expect("cause" in new HoldfastError("GONE", "There is nothing.")).toBe(false);
});

test("any thrown value becomes the cause of a SOURCE_FAILED, and its text stays on the server", () => {
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      const error = toHoldfastError(thrown);
      expect(error.code).toBe("SOURCE_FAILED");
      expect(error.cause).toBe(thrown);
      expect(toPublicError(error)).toEqual({
        code: "SOURCE_FAILED",
        message: "The stream failed.",
        retryable: false,
      });
    }),
  );
  expect(toPublicError(toHoldfastError(new Error("password=1234"))).message).toBe("The stream failed.");
});

test("a HoldfastError is passed through unchanged", () => {
  const error = new HoldfastError("LIMIT_EXCEEDED", "Too many.");
  expect(toHoldfastError(error)).toBe(error);
});

test("a public error has the message, and when to retry", () => {
  const error = new HoldfastError("LIMIT_EXCEEDED", "Too many.", { retryable: true, retryAfter: 0 });
  expect(toPublicError(error)).toEqual({
    code: "LIMIT_EXCEEDED",
    message: "Too many.",
    retryable: true,
    retryAfter: 0,
  });
});

test("the message of an error that is not exposed stays on the server", () => {
  const error = new HoldfastError("GONE", "row 7 of db-3", { expose: false });
  expect(toPublicError(error)).toEqual({ code: "GONE", message: "The stream failed.", retryable: false });
});

test.each([-1, 1.5, NaN, Infinity, "1" as never])(
  "a `retryAfter` that cannot be sent as `retry:` makes the constructor throw: %s",
  (retryAfter) => {
    expect(() => new HoldfastError("GONE", "There is nothing.", { retryAfter })).toThrow(
      `\`retryAfter\` must be a non-negative integer of milliseconds, got ${retryAfter}.`,
    );
  },
);

test("an abort is recognised by its reason, by its name, or by its code", () => {
  const reason = new Error("stopped");
  expect(isAbort(reason, reason)).toBe(true);
  expect(isAbort(new DOMException("stop", "AbortError"), reason)).toBe(true);
  expect(isAbort(abortedError(), reason)).toBe(true);
  expect(isAbort(closedError(), reason)).toBe(true);
  expect(isAbort(new HoldfastError("STREAM_ENDED", "It is over."), reason)).toBe(true);
});

test.each([new Error("stopped"), new HoldfastError("SOURCE_FAILED", "no"), "abort", null, undefined])(
  "any other error is not an abort: %s",
  (error) => {
    expect(isAbort(error, new Error("stopped"))).toBe(false);
  },
);

test("ABORTED has the reason as its cause, REGISTRY_CLOSED is retryable", () => {
  expect(abortedError("user")).toMatchObject({ code: "ABORTED", cause: "user" });
  expect(closedError()).toMatchObject({ code: "REGISTRY_CLOSED", retryable: true });
});
