/** @import { ConnectionError, ConnectionState } from "@holdfast/client" */
import { ResilientEventSource } from "@holdfast/client";

/** Interval of the countdown, in ms. */
const TICK = 200;

const oneDigit = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Shows the state of a client in a diagram of all states, and the reason for it. */
export class ClientPanel {
  #panel;
  /** @type {(() => void) | undefined} Removes the listener from the client. */
  #unsubscribe;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #countdown;

  /**
   * @param {HTMLElement} panel
   * @param {() => void} onReconnect called when the user does not want to wait for the next attempt
   */
  constructor(panel, onReconnect) {
    this.#panel = panel;
    this.#part("reconnect").addEventListener("click", onReconnect);
  }

  /** Shows this client instead of the one before. @param {EventSource} source */
  watch(source) {
    this.#unsubscribe?.();
    clearInterval(this.#countdown);
    const reportsState = source instanceof ResilientEventSource;
    this.#panel.dataset["reportsState"] = String(reportsState);
    this.#show("interruption", "none yet");
    this.#highlight(undefined);
    for (const animation of this.#panel.getAnimations({ subtree: true })) animation.cancel();
    if (!reportsState) {
      this.#show("name", "EventSource");
      return;
    }
    this.#show("name", "ResilientEventSource");
    this.#unsubscribe = source.subscribe((state) => this.#showState(state));
    this.#showState(source.state);
  }

  /** @param {ConnectionState} state */
  #showState(state) {
    clearInterval(this.#countdown);
    this.#highlight(state.status);
    this.#panel.dataset["reason"] = state.status === "closed" ? state.reason : "";
    this.#button.disabled = state.status === "closed";
    this.#show("status", state.status);
    this.#show("description", describe(state));
    const interruption = interruptionOf(state);
    if (interruption !== undefined) this.#show("interruption", interruption);
    if (state.status === "retrying" && state.delay > 0) this.#countDown(state.attempt, state.delay);
  }

  /** Shows a countdown to an attempt until the state changes. @param {number} attempt @param {number} delay in ms */
  #countDown(attempt, delay) {
    const due = performance.now() + delay;
    const paint = () => {
      const seconds = Math.max(due - performance.now(), 0) / 1_000;
      this.#show("description", `Attempt ${attempt} in ${oneDigit.format(seconds)} s.`);
    };
    this.#countdown = setInterval(paint, TICK);
    paint();
  }

  /** @param {ConnectionState["status"] | undefined} status */
  #highlight(status) {
    for (const node of this.#panel.querySelectorAll("[data-status]")) {
      const isActive = node.getAttribute("data-status") === status;
      if (node.classList.contains("active") && !isActive && !reducedMotion.matches) {
        // Some states last less than a frame. The previous state fades out slowly, so that the transition is visible.
        const { color } = getComputedStyle(node);
        node.animate([{ color }, {}], { duration: 2_000, easing: "ease-in" });
      }
      node.classList.toggle("active", isActive);
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
function describe(state) {
  switch (state.status) {
    case "connecting":
      return `Attempt ${state.attempt} is in progress.`;
    case "open":
      return "The server has responded.";
    case "waiting":
      return "The job does not exist yet.";
    case "replaying":
      return "Receiving the missed events.";
    case "live":
      return "Up to date.";
    case "retrying":
      return `Attempt ${state.attempt} starts now.`;
    case "closed":
      return {
        done: "The stream has ended.",
        closed: "The page has closed it.",
        failed: "It does not retry.",
      }[state.reason];
  }
}

/** Why the connection was lost, if it was. @param {ConnectionState} state */
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
