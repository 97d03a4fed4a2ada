import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from "@opentelemetry/api";
import type { CloseReason, EndStatus, Observer } from "@holdfast/core";
import {
  BYTES,
  CLOSE_REASON,
  DESTINATION,
  END_STATUS,
  EPOCH,
  ERROR_TYPE,
  EVENTS,
  OPERATION_NAME,
  OPERATION_TYPE,
  SYSTEM,
} from "./attributes.ts";

/** How many streams are remembered for the connections that will close; the oldest one is forgotten first. */
const MAX_STREAMS = 10_000;

/** The reasons that mean that the client did not get what it asked for. */
const CONNECTION_ERRORS: readonly CloseReason[] = ["zombie", "overflow", "failed", "reset"];
const STREAM_ERRORS: readonly EndStatus[] = ["failed", "lost"];

interface Entry {
  readonly epoch: string;
  readonly span: Span;
}

export interface SpanRecorder extends Pick<Observer, "streamOpened" | "streamEnded" | "connectionClosed"> {
  contextOf(id: string): SpanContext | undefined;
  /** Ends the spans of streams that have not ended, but are no longer produced here: another process took them over. */
  sweep(isHeld: (id: string, epoch: string) => boolean): void;
}

/**
 * Records a span for each stream that is opened here, and one for each connection, with a link to the span of its stream.
 * They are roots: a stream outlives the request that opens it.
 *
 * @param hasSpan whether a stream gets a span
 */
export function recordSpans(
  tracer: Tracer,
  common: Attributes,
  hasSpan: (id: string) => boolean,
): SpanRecorder {
  /** Oldest first. */
  const entries = new Map<string, Entry>();

  const attributesOf = (name: string, type: string, id: string | undefined): Attributes => ({
    ...common,
    [SYSTEM]: "holdfast",
    [OPERATION_NAME]: name,
    [OPERATION_TYPE]: type,
    ...(id !== undefined && { [DESTINATION]: id }),
  });
  const linksTo = (entry: Entry | undefined): Link[] =>
    entry ? [{ context: entry.span.spanContext() }] : [];

  function forget(id: string, entry: Entry): void {
    // Does nothing if the span has ended.
    if (entry.span.isRecording()) entry.span.end();
    entries.delete(id);
  }

  return {
    streamOpened({ id, epoch }) {
      if (!hasSpan(id)) return;
      // The stream is continued, replaced, or opened again: the link leads from part to part.
      const earlier = entries.get(id);
      const attributes = { ...attributesOf("publish", "send", id), [EPOCH]: epoch };
      const links = linksTo(earlier);
      const span = tracer.startSpan("publish", { kind: SpanKind.PRODUCER, attributes, links }, ROOT_CONTEXT);
      if (earlier) forget(id, earlier);
      entries.set(id, { epoch, span });
      const [oldest] = entries;
      if (entries.size > MAX_STREAMS && oldest) forget(...oldest);
    },
    streamEnded({ id, epoch, status, events }) {
      const entry = entries.get(id);
      if (entry === undefined || entry.epoch !== epoch) return;
      entry.span.setAttributes({ [END_STATUS]: status, [EVENTS]: events });
      markFailed(entry.span, STREAM_ERRORS.includes(status), status);
      entry.span.end();
    },
    // The observer does not say which of the opened connections has closed: its span is made when it has.
    connectionClosed({ id, reason, duration, events, bytes }) {
      const endTime = Date.now();
      const links = linksTo(id === undefined ? undefined : entries.get(id));
      const attributes = {
        ...attributesOf("deliver", "receive", id),
        [CLOSE_REASON]: reason,
        [EVENTS]: events,
        [BYTES]: bytes,
      };
      const options = { kind: SpanKind.CONSUMER, attributes, links, startTime: endTime - duration };
      const span = tracer.startSpan("deliver", options, ROOT_CONTEXT);
      markFailed(span, CONNECTION_ERRORS.includes(reason), reason);
      span.end(endTime);
    },
    contextOf: (id) => entries.get(id)?.span.spanContext(),
    sweep(isHeld) {
      for (const [id, entry] of entries) {
        if (entry.span.isRecording() && !isHeld(id, entry.epoch)) forget(id, entry);
      }
    },
  };
}

function markFailed(span: Span, isError: boolean, type: string): void {
  if (!isError) return;
  span.setAttribute(ERROR_TYPE, type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
