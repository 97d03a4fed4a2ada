import { closedError, HoldfastError } from "../base/errors.ts";
import { createKeyedListeners } from "../base/keyed-listeners.ts";
import { check, checkDelay, checkOneOf } from "../base/validate.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import {
  DELIVERY_DEFAULTS,
  type DeliveryOptions,
  resolveDelivery,
  resolveLimits,
  resolveRuntime,
  resolveStream,
  STREAM_DEFAULTS,
} from "../connection/options.ts";
import { ACCEPT, type Accept } from "../connection/source.ts";
import type { AnyEvents } from "../protocol/event.ts";
import { isStreamId } from "../protocol/event-id.ts";
import { checkStore } from "../store/store.ts";
import { StreamBroker } from "../store/stream-broker.ts";
import { MemoryHost } from "../stream/memory-host.ts";
import type { AskSnapshot } from "../stream/snapshot.ts";
import { SnapshotPoller } from "../stream/snapshot-poller.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import type { OpenedStream, StreamHost } from "../stream/stream-host.ts";
import { StreamTable } from "../stream/stream-table.ts";
import { Subscription } from "../stream/subscription.ts";
import { createWriter, type StreamWriter, type WriterContext } from "../stream/writer.ts";
import { accept } from "./accept.ts";
import type { RegistryContext, Target } from "./request-context.ts";
import type { Registry, RegistryOptions, StreamInfo } from "./types.ts";

/**
 * Creates a registry: streams by id, with everyone who reads them.
 *
 * @throws `INVALID_OPTION`
 *
 * @example
 * const jobs = createRegistry<{ token: string }>();
 * const job = await jobs.open("42");
 * void job.pipe(generate());
 * app.get("/jobs/:id", (c) => sse(c, jobs.stream(c.req.param("id"))));
 */
export function createRegistry<Events extends object = AnyEvents>(
  options: RegistryOptions<Events> = {},
): Registry<Events> {
  const runtime = resolveRuntime(options);
  const delivery = resolveDelivery(DELIVERY_DEFAULTS, options);
  const defaults = resolveStream(STREAM_DEFAULTS, options);
  const { bytes, maxConnections, maxStreams, maxWaiting } = resolveLimits(options);
  const { snapshot, source, store, durability = "local" } = options;
  check(snapshot === undefined || typeof snapshot === "function", "snapshot", "a function", snapshot);
  check(source === undefined || typeof source === "function", "source", "a function", source);
  if (store !== undefined) checkStore(store);
  checkOneOf("durability", durability, ["local", "stored"]);

  const lifecycle = { isClosing: false };
  const table = new StreamTable({ runtime, bytes, maxStreams });
  const pool = new ConnectionPool({ runtime, heartbeat: delivery.heartbeat, maxConnections });
  const openListeners = createKeyedListeners<Stream>();
  const onOpened = (stream: Stream): void => openListeners.notify(stream.id, stream);
  const startSource = source && ((id: string) => start(id, source));
  const host: StreamHost =
    store === undefined
      ? new MemoryHost({ runtime, table, defaults, onOpened })
      : new StreamBroker({
          runtime,
          table,
          defaults,
          onOpened,
          store,
          durability,
          lifecycle,
          restartSource: startSource,
        });
  const isHere = (id: string): boolean => source !== undefined || table.get(id) !== undefined;
  const snapshots = snapshot && new SnapshotPoller(snapshot as AskSnapshot<AnyEvents>, { runtime, isHere });
  const context: RegistryContext = {
    runtime,
    pool,
    table,
    host,
    openListeners,
    waiting: new Set(),
    maxWaiting,
    snapshots,
    startSource,
  };
  const writerContext: WriterContext = { runtime, lifecycle };
  let closed: Promise<void> | undefined;

  function acceptFor(
    id: string,
    kind: StreamKind,
    find: Target["find"],
    refOptions?: DeliveryOptions,
  ): Accept {
    const base = resolveDelivery(delivery, refOptions);
    return (request, open, callOptions, counted) =>
      accept(
        context,
        request,
        open,
        { id, kind, find, counted },
        resolveDelivery(base, callOptions),
        callOptions?.signal,
      );
  }

  function checkCanOpen(id: string): void {
    if (lifecycle.isClosing) throw closedError();
    check(isStreamId(id), "id", "a string of 1 to 256 characters without control characters", id);
  }

  function toWriter({ stream, backlog }: OpenedStream): StreamWriter<Events> {
    const acceptIt = acceptFor(stream.id, "stream", () => stream);
    return createWriter<Events>(stream, writerContext, acceptIt, backlog);
  }

  function start(id: string, run: NonNullable<RegistryOptions<Events>["source"]>): void {
    if (lifecycle.isClosing) return;
    const pipe = (opened: OpenedStream): void =>
      void toWriter(opened).pipe(({ signal }) => run(id, { signal }));
    const opened = host.open(id, defaults, true);
    if (!(opened instanceof Promise)) return pipe(opened);
    opened.then(pipe, (error: unknown) => {
      // In every other case the stream runs elsewhere, or is looked up again when the store is back.
      const isFull = HoldfastError.is(error) && error.code === "LIMIT_EXCEEDED";
      if (isFull) runtime.report("failed", { id, stage: "source", error });
    });
  }

  const stream: Registry<Events>["stream"] = (id, refOptions) => ({
    [ACCEPT]: acceptFor(id, "stream", () => table.get(id), refOptions),
    id,
  });

  return {
    get size() {
      return table.size;
    },
    async open(id, streamOptions) {
      const resolved = resolveStream(defaults, streamOptions);
      checkCanOpen(id);
      return toWriter(await host.open(id, resolved));
    },
    channel(id) {
      checkCanOpen(id);
      const channel = host.channel(id);
      return {
        [ACCEPT]: acceptFor(id, "channel", () => channel.find()),
        id,
        push(event) {
          if (lifecycle.isClosing) throw closedError();
          channel.push(event);
        },
      };
    },
    stream,
    subscribe(streamSource, subscribeOptions = {}) {
      const ref = typeof streamSource === "string" ? stream(streamSource) : streamSource;
      const cursor = subscribeOptions.cursor || undefined;
      return new Subscription(
        (signal, open) => ref[ACCEPT]({ method: "GET", cursor, signal }, open, IN_PROCESS, false),
        subscribeOptions,
      );
    },
    get(id) {
      const held = table.get(id);
      return held && describe(held);
    },
    gauges: () => ({
      connections: pool.size,
      waiting: context.waiting.size,
      streams: table.size,
      lingering: table.lingering,
      bytes: table.bytes,
    }),
    cancel: (id, reason) => host.cancel(id, reason),
    close({ deadline = 10_000, spread = 5_000 } = {}) {
      checkDelay("deadline", deadline);
      checkDelay("spread", spread);
      lifecycle.isClosing = true;
      const until = runtime.clock.now() + deadline;
      closed ??= pool.drain(deadline, spread).then(() => {
        table.clear();
        snapshots?.clear();
        return host.close(until);
      });
      return closed;
    },
  };
}

/** A consumer in this process needs no heartbeat, is never a zombie, and waits as long as a client that reconnects. */
const IN_PROCESS: DeliveryOptions = {
  heartbeat: Infinity,
  idleTimeout: Infinity,
  maxDuration: Infinity,
  wait: Infinity,
  control: true,
};

function describe({ id, kind, log, end, readers }: Stream): StreamInfo {
  const { epoch, first, last, bytes } = log;
  return { id, epoch, kind, status: end?.status ?? "live", first, last, bytes, readers: readers.size };
}
