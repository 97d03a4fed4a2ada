import { expect, test, vi } from "vitest";
import { connect } from "../../src/index.ts";
import { URL_OF_JOB } from "../support/follow.ts";

test("an invalid option is a TypeError that names what was expected and what was given", () => {
  const errorOf = (options: object): string => {
    try {
      connect(URL_OF_JOB, options).close();
      return "none";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(errorOf({ giveUpAfter: -1 })).toBe("`giveUpAfter` must be positive, got -1.");
  expect(errorOf({ idleTimeout: "1 s" })).toBe("`idleTimeout` must be positive, got 1 s.");
  expect(errorOf({ connectTimeout: Number.NaN })).toBe("`connectTimeout` must be positive, got NaN.");
  expect(errorOf({ maxEventSize: 0 })).toBe("`maxEventSize` must be positive, got 0.");
  expect(errorOf({ method: "PUT" })).toBe("`method` must be GET|POST, got PUT.");
  expect(errorOf({ resumeBy: "cookie" })).toBe("`resumeBy` must be header|query, got cookie.");
  expect(errorOf({ onInvalid: "ignore" })).toBe("`onInvalid` must be skip|error, got ignore.");
  expect(errorOf({ events: { token: "text" } })).toBe("`token` must be a function or a schema, got text.");
  expect(errorOf({ giveUpAfter: undefined, policy: undefined, signal: undefined, fetch: vi.fn() })).toBe(
    "none",
  );
});
