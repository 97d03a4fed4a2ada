/** How long to wait after an answer before the next question, in ms. */
const EVERY = 2_000;

const numbers = new Intl.NumberFormat("en");
const card = /** @type {HTMLElement} */ (document.getElementById("metrics"));

/**
 * Reads what Prometheus reads: a metric a line, with labels or without. Those with labels are summed up.
 *
 * @param {string} text
 */
function parse(text) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const [, name = "", value] of text.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) {
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return sums;
}

/** Never more than one question at a time, and none from a page that nobody sees. */
async function refresh() {
  if (!document.hidden) {
    const response = await fetch("/metrics").catch(() => undefined);
    card.classList.toggle("stale", response === undefined);
    if (response !== undefined) show(parse(await response.text()));
  }
  setTimeout(() => void refresh(), EVERY);
}

/** @param {Map<string, number>} sums */
function show(sums) {
  for (const figure of card.querySelectorAll("dd")) {
    const value = sums.get(figure.dataset["metric"] ?? "");
    figure.textContent = value === undefined ? "unknown" : numbers.format(value);
  }
}

void refresh();
