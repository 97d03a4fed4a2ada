/** Called for each response that is an event stream. Returns what takes its bytes, before the client gets them. */
export type OnResponse = (cursor: string) => (bytes: Uint8Array) => void;

/**
 * A `fetch` for the client that shows each event stream to an observer, as it is on the wire. It reads only when the client
 * reads, so that both have seen the same bytes whenever the connection is cut.
 */
export function createTappedFetch(onResponse: OnResponse): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const body = response.body?.getReader();
    if (body === undefined) return response;
    const isStream =
      response.status === 200 && /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
    const observe = isStream ? onResponse(cursorOf(response.url, init)) : () => undefined;
    const tapped = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { value } = await body.read();
          if (value === undefined) return controller.close();
          observe(value);
          controller.enqueue(value);
        },
        cancel: (reason) => body.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return new Response(tapped, { status: response.status, headers: response.headers });
  };
}

/** The cursor of a request, where the client puts it: in the header as UTF-8 (WHATWG HTML, 9.2.4), or in the query. */
function cursorOf(url: string, init: RequestInit | undefined): string {
  const header = new Headers(init?.headers).get("last-event-id");
  if (header !== null) return Buffer.from(header, "latin1").toString();
  return new URL(url).searchParams.get("lastEventId") ?? "";
}
