const numbers = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** @param {number} value */
export function format(value) {
  return numbers.format(value);
}

/** @param {number} value @param {string} noun */
export function count(value, noun) {
  return `${format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** @param {number} value */
export function formatBytes(value) {
  const step = value < 1_000 ? 0 : Math.floor(Math.log10(value) / 3);
  return `${oneDigit.format(value / 1_000 ** step)} ${["B", "kB", "MB", "GB", "TB"][step]}`;
}

/** The time of day now. */
export function timeNow() {
  return clock.format(new Date());
}
