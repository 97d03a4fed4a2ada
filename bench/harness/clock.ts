/**
 * Microseconds since some fixed moment, the same one in every process of the machine. Read whole each time: an offset
 * taken once would be wrong by as long as the process was held up between its two halves.
 */
export function microseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
