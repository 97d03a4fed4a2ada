/** The longest delay of a timer; with a longer one runtimes fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * The delay that a response asks for, in ms. `Retry-After` has seconds or a date (RFC 9110, 10.2.3); `retry-after-ms`, which
 * some LLM APIs send as well, is more precise.
 */
export function retryAfter(headers: Headers): number | undefined {
  const header = headers.get("retry-after") ?? "";
  const precise = numberOf(headers.get("retry-after-ms") ?? "");
  const ms = precise ?? secondsOf(header) ?? Date.parse(header) - sentAt(headers);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(Math.ceil(ms), 0), LONGEST_DELAY);
}

function secondsOf(text: string): number | undefined {
  const seconds = numberOf(text);
  return seconds === undefined ? undefined : seconds * 1_000;
}

function numberOf(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** By the server's own clock, where it says the time: it may differ from ours. */
function sentAt(headers: Headers): number {
  return Date.parse(headers.get("date") ?? "") || Date.now();
}
