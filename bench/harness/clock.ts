/**
 * Microseconds since a fixed moment that is the same in every process of this machine. Always read in one call: an
 * offset computed once would be wrong by however long the process was suspended between its two readings.
 */
export function microseconds(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
