/**
 * A URL as `fetch` resolves it: relative to the page or the worker, if there is one.
 *
 * @throws TypeError
 */
export function resolveUrl(url: string | URL): string {
  const { document, location } = globalThis as {
    document?: { baseURI?: string };
    location?: { href?: string };
  };
  return new URL(url, document?.baseURI ?? location?.href).href;
}
