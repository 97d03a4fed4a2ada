import { createRequest, type FetchArguments } from "../request/create-request.ts";
import { exchange } from "../request/exchange.ts";
import type { Asked } from "../request/request-options.ts";
import { resolveUrl } from "../request/resolve-url.ts";
import type { Attempt } from "../retry/attempt.ts";
import { createBlockReader } from "../stream/block-reader.ts";
import { createStreamReader } from "../stream/stream-reader.ts";
import type { Settings } from "./options.ts";
import type { Transport } from "./reconnect-loop.ts";

// Tested by test/connection/reconnect-loop.test.ts and test/connect.test.ts.

/** The shortest silence, in ms, that counts as a loss, however short the server's heartbeat interval is. */
const MIN_IDLE_TIMEOUT = 1_000;

/**
 * Makes a request for each attempt, and parses its response.
 *
 * @param send the arguments of `fetch` for an attempt
 */
export function readByHttp(
  settings: Settings,
  send: (cursor: string, isResumption: boolean, attempt: Attempt) => Promise<FetchArguments>,
): Transport["read"] {
  const { idleTimeout, maxEventSize } = settings;
  return ({ attempt, isResumption, open, reader, watchdog }) =>
    exchange(
      attempt,
      settings,
      watchdog,
      () => send(reader.cursor, isResumption, attempt),
      (url) => {
        const response = open(url);
        const parse = createBlockReader(maxEventSize, response);
        return (bytes) => {
          parse(bytes);
          return response.take();
        };
      },
      () => idleTimeout ?? Math.max(3 * reader.heartbeat, MIN_IDLE_TIMEOUT),
    );
}

/**
 * The stream of a URL.
 *
 * @throws TypeError for a URL that is not valid
 */
export function createHttpTransport(url: Asked<string | URL>, settings: Settings): Transport {
  const { resumeUrl = url } = settings;
  for (const fixed of [url, resumeUrl]) {
    if (typeof fixed !== "function") resolveUrl(fixed);
  }
  return {
    createReader: (onActivity, onProgress) => createStreamReader(settings, onActivity, onProgress),
    read: readByHttp(settings, (cursor, isResumption, attempt) =>
      createRequest(url, settings, cursor, isResumption, attempt),
    ),
  };
}
