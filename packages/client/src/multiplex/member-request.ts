import type { FetchArguments } from "../request/create-request.ts";

/** The longest URL of a GET, in characters: servers and proxies refuse requests with more than 8 KiB of headers. */
const MAX_URL_LENGTH = 4_096;

/** A random name for a connection: 128 bits, so that nobody can guess it and take the connection over. */
export function createName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .slice(0, 22)
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}

/**
 * Adds the members to a request: to the query of its URL or, if that would become too long, as a form, which needs no CORS
 * preflight.
 *
 * @param name of the connection
 * @param members each with its cursor, which is empty for none
 */
export function withMembers(
  [url, init]: FetchArguments,
  name: string,
  members: Iterable<readonly [member: string, cursor: string]>,
): FetchArguments {
  const parameters = new URLSearchParams({ mux: name });
  for (const [member, cursor] of members) {
    // The name ends at the last `@`.
    parameters.append("on", cursor || member.includes("@") ? `${member}@${cursor}` : member);
  }
  const target = new URL(url);
  target.search += `${target.search ? "&" : ""}${parameters}`;
  if (target.href.length <= MAX_URL_LENGTH) return [target.href, init];
  return [url, { ...init, method: "POST", body: parameters }];
}
