/** Time from a response to the next request, in ms. */
const INTERVAL = 2_000;

const numbers = new Intl.NumberFormat("en");
const card = /** @type {HTMLElement} */ (document.getElementById("metrics"));

/**
 * Parses the text format of Prometheus: one metric per line, with or without labels. Sums up the values of all labels.
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

/** Requests the metrics, one request at a time and none while the page is hidden. */
async function refresh() {
  if (!document.hidden) {
    const response = await fetch("/metrics").catch(() => undefined);
    card.classList.toggle("stale", response === undefined);
    if (response !== undefined) show(parse(await response.text()));
  }
  setTimeout(() => void refresh(), INTERVAL);
}

/** @param {Map<string, number>} sums */
function show(sums) {
  for (const figure of card.querySelectorAll("dd")) {
    const value = sums.get(figure.dataset["metric"] ?? "");
    figure.textContent = value === undefined ? "unknown" : numbers.format(value);
  }
}

void refresh();
