const numbers = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });

/** @param {number} value */
export function format(value) {
  return numbers.format(value);
}

/** @param {number} value @param {string} noun */
export function count(value, noun) {
  return `${format(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** The time of day now. */
export function timeNow() {
  return clock.format(new Date());
}
