import assert from "node:assert/strict";

/** Node warns about the eleventh listener of one event. */
export const TOO_MANY_LISTENERS = 12;

/** Asserts that Node does not warn of a leak of listeners while `run` runs. Sees only servers in this process. */
export async function assertNoListenerWarning(run: () => Promise<void>): Promise<void> {
  const warnings: string[] = [];
  const warned = ({ name, message }: Error): void => {
    if (name === "MaxListenersExceededWarning") warnings.push(message);
  };
  process.on("warning", warned);
  try {
    await run();
  } finally {
    process.off("warning", warned);
  }
  assert.deepEqual(warnings, []);
}
