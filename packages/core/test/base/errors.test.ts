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

test("an error has a code and its cause, and speaks for itself unless told otherwise", () => {
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

test("whatever a source throws is kept as the cause, and its text stays on the server", () => {
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

test("an error of our own goes through as it is", () => {
  const error = new HoldfastError("LIMIT_EXCEEDED", "Too many.");
  expect(toHoldfastError(error)).toBe(error);
});

test("the public is told the message and when to try again", () => {
  const error = new HoldfastError("LIMIT_EXCEEDED", "Too many.", { retryable: true, retryAfter: 0 });
  expect(toPublicError(error)).toEqual({
    code: "LIMIT_EXCEEDED",
    message: "Too many.",
    retryable: true,
    retryAfter: 0,
  });
});

test("a message that was not written for the public stays on the server", () => {
  const error = new HoldfastError("GONE", "row 7 of db-3", { expose: false });
  expect(toPublicError(error)).toEqual({ code: "GONE", message: "The stream failed.", retryable: false });
});

test.each([-1, 1.5, NaN, Infinity, "1" as never])(
  "a retryAfter that could not be written as `retry:` is refused where the error is made: %s",
  (retryAfter) => {
    expect(() => new HoldfastError("GONE", "There is nothing.", { retryAfter })).toThrow(
      `\`retryAfter\` must be a non-negative integer of milliseconds, got ${retryAfter}.`,
    );
  },
);

test("an abort is known by its reason, by its name, or by our own codes", () => {
  const reason = new Error("told to stop");
  expect(isAbort(reason, reason)).toBe(true);
  expect(isAbort(new DOMException("stop", "AbortError"), reason)).toBe(true);
  expect(isAbort(abortedError(), reason)).toBe(true);
  expect(isAbort(closedError(), reason)).toBe(true);
  expect(isAbort(new HoldfastError("STREAM_ENDED", "It is over."), reason)).toBe(true);
});

test.each([new Error("told to stop"), new HoldfastError("SOURCE_FAILED", "no"), "abort", null, undefined])(
  "another failure is no abort: %s",
  (error) => {
    expect(isAbort(error, new Error("told to stop"))).toBe(false);
  },
);

test("an aborted operation says why, a closed registry that it is worth coming back", () => {
  expect(abortedError("user")).toMatchObject({ code: "ABORTED", cause: "user" });
  expect(closedError()).toMatchObject({ code: "REGISTRY_CLOSED", retryable: true });
});
