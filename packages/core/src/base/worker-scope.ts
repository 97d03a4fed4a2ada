import { HoldfastError } from "./errors.ts";

/**
 * Cloudflare Workers let each request use only its own timers and bodies; only within a Durable Object do requests share
 * them. A registry that serves several requests of a Worker would leave clients without events, or hung, without a word.
 *
 * Called where a registry is created.
 *
 * @returns the check for each use of the registry: it throws `INVALID_OPTION` in a request that cannot share its objects
 * @throws `INVALID_OPTION` outside of any request
 */
export function checkWorkerScope(): () => void {
  const { navigator } = globalThis as { navigator?: { readonly userAgent?: string } };
  if (navigator?.userAgent !== "Cloudflare-Workers") return () => undefined;
  let owned: Response;
  // Workers forbid random values outside of requests, and to read a body that belongs to another request.
  attempt(() => crypto.getRandomValues(new Uint8Array(1)));
  const own = (): void => void (owned = new Response("owned"));
  own();
  return () => {
    attempt(() => owned.clone());
    own(); // a body that was cloned remembers its clone
  };
}

function attempt(operation: () => unknown): void {
  try {
    operation();
  } catch (cause) {
    throw new HoldfastError("INVALID_OPTION", MESSAGE, { cause, expose: false });
  }
}

const MESSAGE =
  "A registry in a module of a Worker does not work, because the requests of a Worker cannot share objects. " +
  "Create the registry in a Durable Object: see docs/workers.md.";
