import { beforeEach, expect, type MockInstance, test, vi } from "vitest";
import { createReport, type Observer } from "../../src/protocol/observer.ts";

const failure = { id: "a", stage: "source", error: new Error("no") } as const;
const warning = { id: "a", message: "Look at this." } as const;

let warn: MockInstance;
beforeEach(() => {
  warn = vi.spyOn(console, "warn").mockReset().mockReturnValue(undefined);
});

test("a callback is called as a method of the observer", () => {
  const observer = {
    infos: [] as unknown[],
    streamOpened(info: unknown) {
      this.infos.push(info);
    },
    failed(info: unknown) {
      this.infos.push(info);
    },
  };
  const report = createReport(observer);
  const opened = { id: "a", epoch: "aaaaaaaaaa" };
  report("streamOpened", opened);
  report("failed", failure);
  report("streamEnded", { id: "a", epoch: "aaaaaaaaaa", status: "done", events: 1 });
  expect(observer.infos).toEqual([opened, failure]);
  expect(warn).not.toHaveBeenCalled();
});

test.each<[string, Observer | undefined]>([
  ["no observer", undefined],
  ["an observer without these callbacks", { streamOpened: () => undefined }],
])("with %s, failures and warnings go to the console, and nothing else does", (_, observer) => {
  const report = createReport(observer);
  report("connectionOpened", { id: "a" });
  report("failed", failure);
  report("warned", warning);
  expect(warn.mock.calls).toEqual([
    ["holdfast: source failed", failure.error],
    ["holdfast:", "Look at this.", warning],
  ]);
});

test("an observer that throws has no effect but a line on the console", () => {
  const error = new Error("broken");
  const report = createReport({
    failed: () => {
      throw error;
    },
    get warned(): never {
      throw error;
    },
  });
  report("failed", failure);
  report("warned", warning);
  expect(warn.mock.calls).toEqual([
    ["holdfast: the observer's failed failed", error],
    ["holdfast: the observer's warned failed", error],
  ]);
});

test("an asynchronous observer that rejects has no effect but a line on the console", async () => {
  const error = new Error("broken");
  const report = createReport({ failed: (() => Promise.reject(error)) as () => void });
  report("failed", failure);
  await Promise.resolve();
  await Promise.resolve();
  expect(warn.mock.calls).toEqual([["holdfast: the observer's failed failed", error]]);
});
