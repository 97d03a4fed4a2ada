import { readProcess, replaceProcess } from "../../common/page/server-process.js";

const button = /** @type {HTMLButtonElement} */ (document.getElementById("kill"));
const status = /** @type {HTMLElement} */ (document.getElementById("process-status"));

async function kill() {
  button.disabled = true;
  const replaced = await replaceProcess("/kill", (pid) => {
    status.textContent = `Process ${pid} was killed.`;
  });
  if (replaced !== undefined) {
    status.textContent = `Process ${replaced.before} was killed; process ${replaced.after} continues.`;
  }
  button.disabled = false;
}

button.addEventListener("click", () => void kill());

const first = await readProcess();
/** @type {HTMLElement} */ (document.getElementById("process")).hidden = first?.canBeKilled !== true;
