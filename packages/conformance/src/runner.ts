/** A test runner, by what is used of it: that of vitest, `node:test`, Bun or Deno, or one's own. */
export interface Runner {
  readonly describe: (name: string, tests: () => void) => unknown;
  readonly test: Test;
}

export interface Test {
  (name: string, run: () => Promise<void>): unknown;
  /** If there is one, what an adapter has declared as missing is told as tests that are skipped. */
  readonly skip?: (name: string, run: () => Promise<void>) => unknown;
}
