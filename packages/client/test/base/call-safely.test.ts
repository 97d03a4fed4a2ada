import { afterEach, expect, test, vi } from "vitest";
import { callSafely } from "../../src/base/call-safely.ts";

const error = new Error("A bug in the application.");
const fail = (): never => {
  throw error;
};

afterEach(() => vi.unstubAllGlobals());

test("an error of the callback is reported as uncaught where the runtime can", () => {
  const reported: unknown[] = [];
  vi.stubGlobal("reportError", (what: unknown) => reported.push(what));
  callSafely(fail);
  expect(reported).toEqual([error]);
});

test("an error of the callback is logged where the runtime cannot report it", () => {
  vi.stubGlobal("reportError", undefined);
  const log = vi.spyOn(console, "error").mockReturnValue();
  callSafely(fail);
  expect(log.mock.calls).toEqual([[error]]);
  log.mockRestore();
});
