/** @import { ConnectionError, ConnectionState } from "@holdfast/client" */
import { ResilientEventSource } from "@holdfast/client";

/** How often a countdown is painted, in ms. */
const TICK = 200;

const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Shows which state a client is in, of all that there are, and why. */
export class ClientPanel {
  #panel;
  /** @type {(() => void) | undefined} Stops to listen to the client. */
  #leave;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;

  /**
   * @param {HTMLElement} panel
   * @param {() => void} onReconnect called when somebody does not want to wait for the next attempt
   */
  constructor(panel, onReconnect) {
    this.#panel = panel;
    this.#part("reconnect").addEventListener("click", onReconnect);
  }

  /** Shows this client from now on. @param {EventSource} source */
  watch(source) {
    this.#leave?.();
    clearInterval(this.#countdown);
    const tells = source instanceof ResilientEventSource;
    this.#panel.dataset["tells"] = String(tells);
    this.#show("interruption", "none yet");
    this.#light(undefined);
    for (const glow of this.#panel.getAnimations({ subtree: true })) glow.cancel();
    if (!tells) {
      this.#show("name", "EventSource");
      return;
    }
    this.#show("name", "ResilientEventSource");
    this.#leave = source.subscribe((state) => this.#become(state));
    this.#become(source.state);
  }

  /** @param {ConnectionState} state */
  #become(state) {
    clearInterval(this.#countdown);
    this.#light(state.status);
    this.#panel.dataset["reason"] = state.status === "closed" ? state.reason : "";
    this.#button.disabled = state.status === "closed";
    this.#show("status", state.status);
    this.#show("sentence", sentence(state));
    const interruption = interruptionOf(state);
    if (interruption !== undefined) this.#show("interruption", interruption);
    if (state.status === "retrying" && state.delay > 0) this.#count(state.attempt, state.delay);
  }

  /** Counts down to an attempt, until the state changes. @param {number} attempt @param {number} delay in ms */
  #count(attempt, delay) {
    const due = performance.now() + delay;
    const paint = () => {
      const seconds = Math.max(due - performance.now(), 0) / 1_000;
      this.#show("sentence", `Attempt ${attempt} in ${oneDigit.format(seconds)} s.`);
    };
    this.#countdown = setInterval(paint, TICK);
    paint();
  }

  /** @param {ConnectionState["status"] | undefined} status */
  #light(status) {
    for (const node of this.#panel.querySelectorAll("[data-status]")) {
      const isLit = node.getAttribute("data-status") === status;
      if (node.classList.contains("lit") && !isLit && !stillness.matches) {
        // Some states last for less than a frame: what is left glows on for a while, so that the way can be followed.
        const { color } = getComputedStyle(node);
        node.animate([{ color }, {}], { duration: 2_000, easing: "ease-in" });
      }
      node.classList.toggle("lit", isLit);
    }
  }

  get #button() {
    return /** @type {HTMLButtonElement} */ (this.#part("reconnect"));
  }

  /** @param {string} name @param {string} text */
  #show(name, text) {
    this.#part(name).textContent = text;
  }

  /** @param {string} name */
  #part(name) {
    return /** @type {HTMLElement} */ (this.#panel.querySelector(`[data-part="${name}"]`));
  }
}

/** @param {ConnectionState} state */
function sentence(state) {
  switch (state.status) {
    case "connecting":
      return `Attempt ${state.attempt} is under way.`;
    case "open":
      return "The server has answered.";
    case "waiting":
      return "There is no such job yet.";
    case "replaying":
      return "What was missed comes first.";
    case "live":
      return "It has everything.";
    case "retrying":
      return `Attempt ${state.attempt} at once.`;
    case "closed":
      return {
        done: "The stream is over.",
        closed: "The page closed it.",
        failed: "It will not try again.",
      }[state.reason];
  }
}

/** Why there is no connection, if so. @param {ConnectionState} state */
function interruptionOf(state) {
  if (state.status === "retrying") return explain(state);
  if (state.status === "closed" && state.reason === "failed") {
    return explain(/** @type {ConnectionError} */ (state.error));
  }
  return undefined;
}

/** @param {{ readonly reason: string, readonly message: string }} why */
function explain({ reason, message }) {
  return message === "" ? reason : `${reason}: ${message}`;
}
