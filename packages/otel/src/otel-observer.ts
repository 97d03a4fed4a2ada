import {
  metrics,
  type MeterProvider,
  type SpanContext,
  trace,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Gauges, Observer, StreamInfo } from "@holdfast/core";
import { createReport } from "@holdfast/core/internal";
import { REGISTRY } from "./attributes.ts";
import { observeGauges } from "./gauges.ts";
import { recordMetrics } from "./metrics.ts";
import { recordSpans } from "./spans.ts";

const SCOPE = "@holdfast/otel";

/** Options of {@link createOtelObserver}. */
export interface OtelOptions {
  /**
   * The name of the registry, as the attribute `holdfast.registry.name`. A process with several registries gives each of
   * them an observer with a name of its own.
   */
  readonly name?: string;
  /** Gets everything as well. Without its own `warned` or `failed`, these go to `console.warn`. */
  readonly observer?: Observer;
  /** @default the global one */
  readonly meterProvider?: MeterProvider;
  /** @default the global one */
  readonly tracerProvider?: TracerProvider;
}

/** What is used of a registry. */
export interface ObservedRegistry {
  /** What it holds now: read at each collection of metrics. */
  gauges(): Gauges;
  /** What it knows of a stream: whether it is a channel. */
  get(id: string): StreamInfo | undefined;
}

/** An observer that records metrics and spans. */
export interface OtelObserver extends Required<Observer> {
  /**
   * Measures also what the registry holds, at each collection of metrics, and records no spans for its channels. Call it
   * once, with the registry that has this observer. Returns how to stop measuring.
   */
  observe(registry: ObservedRegistry): () => void;
  /**
   * The span of a stream that was opened in this process, for links from other spans. `undefined` for a stream that was
   * opened elsewhere or too long ago.
   */
  spanContext(id: string): SpanContext | undefined;
}

/**
 * Creates an observer for the option `observer` of a registry, which records metrics and spans with OpenTelemetry. Without
 * an SDK in the process it records nothing.
 *
 * @example
 * const telemetry = createOtelObserver({ name: "jobs" });
 * const jobs = createRegistry({ observer: telemetry });
 * telemetry.observe(jobs);
 */
export function createOtelObserver(options: OtelOptions = {}): OtelObserver {
  const { name, observer, meterProvider = metrics, tracerProvider = trace } = options;
  const common = name === undefined ? {} : { [REGISTRY]: name };
  const meter = meterProvider.getMeter(SCOPE);
  let registry: ObservedRegistry | undefined;
  const recorded = recordMetrics(meter, common);
  const spans = recordSpans(
    tracerProvider.getTracer(SCOPE),
    common,
    (id) => registry?.get(id)?.kind !== "channel",
  );
  const report = createReport(observer);

  const names = Object.keys(recorded) as (keyof Observer)[];
  const callbacks = names.map((callback) => {
    const parts: Observer[] = [recorded, spans];
    return [
      callback,
      (info: never): void => {
        for (const part of parts) part[callback]?.(info);
        report(callback, info);
      },
    ];
  });
  return {
    ...(Object.fromEntries(callbacks) as Required<Observer>),
    observe(observed) {
      registry = observed;
      return observeGauges(meter, common, () => {
        spans.sweep((id, epoch) => observed.get(id)?.epoch === epoch);
        return observed.gauges();
      });
    },
    spanContext: (id) => spans.contextOf(id),
  };
}
