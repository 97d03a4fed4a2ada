import { expect, test } from "vitest";
import { ConnectionError, isConnectionError } from "../../src/retry/connection-error.ts";

test("it has a reason, the status of the response, the server's error and the cause", () => {
  const cause = new TypeError("terminated");
  const server = { code: "SOURCE_FAILED", message: "The stream failed.", retryable: false };
  const error = new ConnectionError("refused", "The server answered 404", { cause, status: 404, server });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: "ConnectionError",
    reason: "refused",
    message: "The server answered 404",
    status: 404,
    server,
    cause,
  });
});

test("it is recognised by its name, also from another copy of the package", () => {
  class OtherCopy extends Error {
    override readonly name = "ConnectionError";
  }
  expect(isConnectionError(new ConnectionError("network", "", {}))).toBe(true);
  expect(isConnectionError(new OtherCopy())).toBe(true);
  expect(isConnectionError(new Error("ConnectionError"))).toBe(false);
  expect(isConnectionError(undefined)).toBe(false);
});
