/** The functions of a test runner that the suites call: vitest, `node:test`, Bun, Deno and others have them. */
export interface Runner {
  /** Registers a group of tests. */
  readonly describe: (name: string, tests: () => void) => unknown;
  /** Registers a test. */
  readonly test: Test;
}

/** Registers a test under a name; it has failed if `run` rejects. */
export interface Test {
  (name: string, run: () => Promise<void>): unknown;
  /** Where it exists, each missing capability of an adapter is reported as a skipped test. */
  readonly skip?: (name: string, run: () => Promise<void>) => unknown;
}
