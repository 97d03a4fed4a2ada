import { useMemo, useSyncExternalStore } from "react";
import type { DecoderMap } from "@holdfast/client";
import type { AnyOptions, StreamMessage, StreamOptions } from "./options.ts";
import type { ReducedStream, StreamControls, StreamMessages } from "./result.ts";
import { joinStream } from "./shared-stream.ts";
import { View } from "./view.ts";

/**
 * Follows an event stream while the component is mounted, and renders at most once per frame, 60 times a second, however
 * many events arrive. It reconnects and resumes as `connect` of `@holdfast/client` does. On a server it opens nothing, and
 * shows no messages, or `initial`.
 *
 * Components with the same URL, `key` and names in `events` share one connection, and each sees all events. It is closed
 * shortly after the last of them is gone. When the server declares that the stream starts over, so do the messages and the
 * value.
 *
 * With `reduce`, the value is rebuilt from `initial`. Both, as all options, are those of the first render with this URL and
 * `key`. An error that `reduce` throws is thrown by this hook, to the nearest error boundary.
 *
 * @param url `null`, `undefined`, `false` or empty: nothing is opened, and the state is `idle`
 * @throws TypeError in an effect, for a URL or an option that is not valid
 *
 * @example
 * const { value, state } = useStream(id && `/answers/${id}`, {
 *   events: { token: text },
 *   reduce: (answer, { data }) => answer + data,
 *   initial: "",
 * });
 */
export function useStream<Map extends DecoderMap, Value>(
  url: string | URL | null | undefined | false,
  options: StreamOptions<Map> & {
    /** Returns the next value. It must change nothing, and depend on nothing but its arguments. */
    readonly reduce: (value: Value, message: StreamMessage<Map>) => Value;
    /** The value before the first message. */
    readonly initial: Value;
  },
): ReducedStream<Value>;
export function useStream<Map extends DecoderMap>(
  url: string | URL | null | undefined | false,
  options?: StreamOptions<Map> & { readonly reduce?: undefined; readonly initial?: undefined },
): StreamMessages<StreamMessage<Map>>;
export function useStream(
  url: string | URL | null | undefined | false,
  options: StreamOptions & { readonly reduce?: unknown; readonly initial?: unknown } = {},
): StreamControls {
  const { key = "", events = {}, reduce } = options;
  const href = String(url || "");
  const identity = JSON.stringify([href, key, Object.keys(events).toSorted()]);
  // Only these decide which stream it is: options that are written inside of a component are new at each render.
  const view = useMemo(
    () => new View(identity, href, options as AnyOptions, joinStream),
    [identity, reduce === undefined],
  );
  const result = useSyncExternalStore(
    view.subscribe,
    () => view.result,
    () => view.first,
  );
  if (view.failure) throw view.failure.error;
  return result;
}
