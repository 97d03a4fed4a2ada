/**
 * The delay that a response asks for with `Retry-After`, in ms: the header has seconds or a date (RFC 9110, 10.2.3).
 *
 * @param now in ms since 1970
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get("retry-after") ?? "";
  return Math.max(Number(value) * 1_000 || Date.parse(value) - now, 0) || undefined;
}
