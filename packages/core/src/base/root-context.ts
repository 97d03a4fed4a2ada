interface AsyncHooks {
  readonly AsyncLocalStorage?: { snapshot?(): <Result>(run: () => Result) => Result };
}

const { process } = globalThis as {
  process?: { getBuiltinModule?(name: string): AsyncHooks | undefined };
};

/**
 * Calls a function in the async context in which this module was loaded, so that it sees nothing of a request: no
 * `AsyncLocalStorage`, no trace of another user. On a runtime without async contexts, and on Node before 22.3, it is a call
 * like any other.
 */
export const runInRootContext: <Result>(run: () => Result) => Result =
  process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage?.snapshot?.() ?? ((run) => run());
