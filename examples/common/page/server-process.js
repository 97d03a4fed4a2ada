/** How often the page asks for the process that replaces another one, in ms. */
const INTERVAL = 200;

/** @returns {Promise<{ pid: number, canBeKilled: boolean } | undefined>} nothing while no process answers */
export async function readProcess() {
  const response = await fetch("/process").catch(() => undefined);
  return response?.ok ? response.json() : undefined;
}

/**
 * Ends the process of the server, and waits for the next one.
 *
 * @param {"/kill" | "/deploy"} how
 * @param {(pid: number) => void} [onGone] called with the process that has been told to end
 * @returns {Promise<{ before: number, after: number } | undefined>} nothing if no process answers
 */
export async function replaceProcess(how, onGone) {
  const before = await readProcess();
  if (before === undefined) return undefined;
  await fetch(how, { method: "POST" }).catch(() => undefined);
  onGone?.(before.pid);
  for (;;) {
    const next = await readProcess();
    if (next !== undefined && next.pid !== before.pid) return { before: before.pid, after: next.pid };
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}
