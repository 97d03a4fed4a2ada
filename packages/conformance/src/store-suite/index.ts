import { appending, channels, ending } from "./appending.ts";
import { harnessTest } from "./harness.ts";
import { ids } from "./ids.ts";
import { cancelling, leases } from "./leases.ts";
import { opening, restoring } from "./opening.ts";
import { reading } from "./reading.ts";
import type { Runner } from "../runner.ts";
import type { Subject } from "./subject.ts";
import { waking } from "./waking.ts";

export type { Runner } from "../runner.ts";
export type { Subject } from "./subject.ts";

export interface StoreSuiteOptions {
  readonly name: string;
  /** Gives every test a store with nothing in it. */
  readonly open: () => Promise<Subject>;
}

/**
 * What every store must do, as tests of whichever runner: the specification of `Store`.
 *
 * @example
 * import { describe, test } from "vitest";
 *
 * storeSuite({ describe, test }, { name: "mine", open: async () => ({ store: myStore(), pause, close }) });
 */
export function storeSuite(runner: Runner, { name, open }: StoreSuiteOptions): void {
  const test = harnessTest(runner, open);
  const { describe } = runner;
  describe(`the store ${name}`, () => {
    describe("opens", () => opening(test));
    describe("restores", () => restoring(test));
    describe("appends", () => appending(test));
    describe("ends", () => ending(test));
    describe("has channels", () => channels(test));
    describe("reads", () => reading(test));
    describe("knows who is alive", () => leases(test));
    describe("cancels", () => cancelling(test));
    describe("wakes", () => waking(test));
    describe("takes every id", () => ids(test));
  });
}
