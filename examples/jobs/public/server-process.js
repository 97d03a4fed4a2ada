/** How often the page asks for the process that replaces a killed one, in ms. */
const INTERVAL = 200;

const button = /** @type {HTMLButtonElement} */ (document.getElementById("kill"));
const status = /** @type {HTMLElement} */ (document.getElementById("process-status"));

/** @returns {Promise<{ pid: number, canBeKilled: boolean } | undefined>} nothing while no process answers */
async function readProcess() {
  const response = await fetch("/process").catch(() => undefined);
  return response?.ok ? response.json() : undefined;
}

/** Waits for another process. @param {number} killed */
async function readNextProcess(killed) {
  for (;;) {
    const next = await readProcess();
    if (next !== undefined && next.pid !== killed) return next;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

async function kill() {
  button.disabled = true;
  const killed = await readProcess();
  if (killed !== undefined) {
    await fetch("/kill", { method: "POST" }).catch(() => undefined);
    status.textContent = `Process ${killed.pid} was killed.`;
    const next = await readNextProcess(killed.pid);
    status.textContent = `Process ${killed.pid} was killed; process ${next.pid} continues.`;
  }
  button.disabled = false;
}

button.addEventListener("click", () => void kill());

const first = await readProcess();
/** @type {HTMLElement} */ (document.getElementById("process")).hidden = first?.canBeKilled !== true;
