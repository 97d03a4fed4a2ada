/** A test runner, by what is used of it: that of vitest, `node:test`, Bun or Deno, or one's own. */
export interface Runner {
  readonly describe: (name: string, tests: () => void) => void;
  readonly test: (name: string, run: () => Promise<void>) => void;
}
