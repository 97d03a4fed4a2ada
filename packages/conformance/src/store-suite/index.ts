import type { Runner } from "../runner.ts";
import { testAppend } from "./append.ts";
import { testByteLimit } from "./byte-limit.ts";
import { testCancel } from "./cancel.ts";
import { testChannels } from "./channels.ts";
import { testEnd } from "./end.ts";
import { testHealth } from "./health.ts";
import { testIds } from "./ids.ts";
import { testIfExists } from "./if-exists.ts";
import { testInterruption } from "./interruption.ts";
import { testLost } from "./lost.ts";
import { testMarker } from "./marker.ts";
import { testOpen } from "./open.ts";
import { testRead } from "./read.ts";
import { testRestore } from "./restore.ts";
import { testRetention } from "./retention.ts";
import { storeTest } from "./store-test.ts";
import type { Subject } from "./subject.ts";
import { testWake } from "./wake.ts";

export type { Runner } from "../runner.ts";
export type { Subject } from "./subject.ts";

/** Options of {@link storeSuite}. */
export interface StoreSuiteOptions {
  /** Names the store in the output of the runner. */
  readonly name: string;
  /** Called before each test. Must return an empty store. */
  readonly open: () => Promise<Subject>;
}

/**
 * Registers the tests that every implementation of `Store` must pass. They are the specification of that interface, and
 * work with any test runner.
 *
 * @example
 * import { describe, test } from "vitest";
 *
 * storeSuite({ describe, test }, { name: "mine", open: async () => ({ store: myStore(), flush, pause, close }) });
 */
export function storeSuite(runner: Runner, { name, open }: StoreSuiteOptions): void {
  const test = storeTest(runner, open);
  const { describe } = runner;
  describe(`the store ${name}`, () => {
    describe("open", () => testOpen(test));
    describe("open with `ifExists`", () => testIfExists(test));
    describe("interruption", () => testInterruption(test));
    describe("restore", () => testRestore(test));
    describe("append", () => testAppend(test));
    describe("the end of a stream", () => testEnd(test));
    describe("channels", () => testChannels(test));
    describe("read", () => testRead(test));
    describe("retention", () => testRetention(test));
    describe("the limit of bytes", () => testByteLimit(test));
    describe("lost", () => testLost(test));
    describe("cancel", () => testCancel(test));
    describe("wake", () => testWake(test));
    describe("marker", () => testMarker(test));
    describe("health", () => testHealth(test));
    describe("ids", () => testIds(test));
  });
}
