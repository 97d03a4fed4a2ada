import type { Registry } from "@holdfast/core";

/**
 * Saves who is connected to this process, again and again: `UPDATE users SET seen = now() WHERE id = ANY($1)`. Whoever was
 * seen in the last minute is online: `WHERE seen > now() - interval '1 minute'`.
 *
 * @returns stops it
 */
export function saveWhoIsHere(
  registry: Registry,
  save: (users: readonly string[]) => Promise<void>,
  interval = 20_000,
): () => void {
  const timer = setInterval(() => {
    const users = new Set(registry.connections().flatMap(({ key }) => key ?? []));
    if (users.size > 0) save([...users]).catch(console.error);
  }, interval).unref();
  return () => clearInterval(timer);
}
