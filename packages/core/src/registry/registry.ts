import { closedError } from "../base/errors.ts";
import { createKeyedListeners } from "../base/keyed-listeners.ts";
import { checkOptions } from "../base/check-options.ts";
import { check, checkDelay, checkDuration, checkOneOf } from "../base/validate.ts";
import { checkWorkerScope } from "../base/worker-scope.ts";
import { ConnectionPool } from "../connection/connection-pool.ts";
import {
  DELIVERY_DEFAULTS,
  DELIVERY_NAMES,
  type DeliveryOptions,
  resolveDelivery,
  resolveLimits,
  resolveRuntime,
  resolveStream,
  STREAM_DEFAULTS,
} from "../connection/options.ts";
import { SecondsCheck } from "../connection/seconds.ts";
import { checkKey } from "../connection/serve.ts";
import { SERVE_NAMES } from "../connection/serve-options.ts";
import { ACCEPT, type Accept } from "../connection/source.ts";
import { readContract } from "../contract/contract.ts";
import type { DecoderMap, Pushed } from "../contract/decoder.ts";
import { BARE_HOST } from "../connection/bare-host.ts";
import type { AnyEvents, SseEvent } from "../protocol/event.ts";
import { checkId } from "../protocol/check-id.ts";
import { checkStore } from "../store/store.ts";
import { StreamBroker } from "../store/stream-broker.ts";
import { MemoryHost } from "../stream/memory-host.ts";
import { NameCheck } from "../stream/name-check.ts";
import type { AskSnapshot } from "../stream/snapshot.ts";
import { SnapshotMemory } from "../stream/snapshot-memory.ts";
import { SnapshotPoller } from "../stream/snapshot-poller.ts";
import type { Stream, StreamKind } from "../stream/stream.ts";
import type { OpenedStream, StreamHost } from "../stream/stream-host.ts";
import { StreamTable } from "../stream/stream-table.ts";
import { createWriter, type StreamWriter } from "../stream/writer.ts";
import { Interruptions } from "../stream/interruptions.ts";
import { describeStream } from "../stream/stream-info.ts";
import { GracePeriod } from "./grace-period.ts";
import { accept, join } from "./accept.ts";
import { SourceRunner } from "./source-runner.ts";
import { createSubscribe } from "./subscribe.ts";
import type { RegistryContext, Target } from "./request-context.ts";
import { CANCEL_NAMES, CLOSE_NAMES, OPEN_NAMES, REGISTRY_NAMES } from "./option-names.ts";
import type { Registry, RegistryOptions } from "./types.ts";
import { checkDelete, readLatestBy } from "./latest-by.ts";
import { UnopenedCheck } from "./unopened-check.ts";

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
 *
 * @example
 * const events = { token: text, progress: json<Progress>(), done: z.object({ total: z.number() }) };
 * const jobs = createRegistry({ events }); // and connect("/jobs/42", { events }) on the page
 */
export function createRegistry<Map extends DecoderMap>(
  options: RegistryOptions<Pushed<Map>> & { readonly events: Map },
): Registry<Pushed<Map>>;
export function createRegistry<Events extends object = AnyEvents>(
  options?: RegistryOptions<Events>,
): Registry<Events>;
export function createRegistry<Events extends object = AnyEvents>(
  options: RegistryOptions<Events> = {},
): Registry<Events> {
  checkOptions(undefined, options, REGISTRY_NAMES);
  const checkScope = checkWorkerScope();
  const runtime = resolveRuntime(options);
  const delivery = resolveDelivery(DELIVERY_DEFAULTS, options);
  const defaults = resolveStream(STREAM_DEFAULTS, options);
  const { bytes, maxStreams, maxWaiting, ...limits } = resolveLimits(options);
  const { snapshot, snapshotTimeout: timeout = 5_000, source, store, durability = "local" } = options;
  checkDuration("snapshotTimeout", timeout);
  check(snapshot === undefined || typeof snapshot === "function", "snapshot", "a function", snapshot);
  check(source === undefined || typeof source === "function", "source", "a function", source);
  if (store !== undefined) checkStore(store);
  const latestBy = readLatestBy(options.latestBy, store);
  const checkData = readContract(options.events);
  checkOneOf("durability", durability, ["local", "stored"]);
  const seconds = new SecondsCheck();
  const checkTimes = (given: RegistryOptions | undefined, id?: string): void =>
    seconds.check(given, runtime.clock, (message) => runtime.report("warned", { id, message }));
  checkTimes(options as RegistryOptions);

  const lifecycle = { isClosing: false, isClosed: false };
  const table = new StreamTable({
    runtime,
    bytes,
    maxStreams,
    latestBy,
    onInterruption: (stream) => interruptions.update(stream),
    onNoneProducedHere: () => {
      if (lifecycle.isClosing) gracePeriod.end();
    },
  });
  const gracePeriod = new GracePeriod(runtime.clock);
  const pool = new ConnectionPool({
    ...limits,
    runtime,
    onKey: (key) => host.watchKey(key, () => pool.disconnect(key)),
  });
  const bareHost = { pool, delivery, stream: defaults };
  const openListeners = createKeyedListeners<Stream>();
  const onOpened = (stream: Stream): void => openListeners.notify(stream.id, stream);
  const sources =
    source &&
    new SourceRunner({
      runtime,
      table,
      source,
      open: (id, ifExists) => host.open(id, { ...defaults, retryWindow: Infinity }, ifExists, true),
      toWriter,
    });
  const startSource = sources && ((id: string) => sources.start(id));
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
          restartSource:
            sources &&
            ((id) => {
              if (!sources.isRestarting(id)) sources.start(id);
            }),
        });
  const isHere = (id: string): boolean => source !== undefined || table.get(id) !== undefined;
  const memory = new SnapshotMemory(table, bytes);
  const snapshots =
    snapshot && new SnapshotPoller(snapshot as AskSnapshot<AnyEvents>, { runtime, isHere, timeout, memory });
  const interruptions = new Interruptions({ runtime, table, snapshots, idle: defaults.idle });
  const context: RegistryContext = {
    runtime,
    pool,
    table,
    host,
    openListeners,
    waiting: new Set(),
    maxWaiting,
    unopened: new UnopenedCheck(runtime.report),
    snapshots,
    startSource,
  };
  const channelNames = new NameCheck(runtime.report);
  let closed: Promise<void> | undefined;

  function acceptFor(
    id: string,
    kind: StreamKind,
    find: Target["find"],
    refOptions?: DeliveryOptions,
  ): Accept {
    checkOptions(undefined, refOptions, DELIVERY_NAMES);
    const base = resolveDelivery(delivery, refOptions);
    if (refOptions !== undefined) checkTimes(refOptions, id);
    return (request, open, callOptions, counted, connect) => {
      checkScope();
      checkOptions(undefined, callOptions, SERVE_NAMES);
      if (counted) checkTimes(callOptions, id);
      const target = { id, kind, find, counted };
      const options = resolveDelivery(base, callOptions);
      if (connect === undefined) return accept(context, request, open, target, options, callOptions ?? {});
      const connection = connect(bareHost, { id, key: callOptions?.key }, options);
      if (connection !== undefined) join(context, { ...target, cursor: request.cursor }, options, connection);
      return Promise.resolve({ status: 200 });
    };
  }

  function toWriter(opened: OpenedStream): StreamWriter<Events> {
    const { stream } = opened;
    const acceptIt = acceptFor(stream.id, "stream", () => stream);
    return createWriter<Events>(opened, { runtime, accept: acceptIt, checkData });
  }

  const stream: Registry<Events>["stream"] = (id, refOptions) => ({
    [ACCEPT]: acceptFor(id, "stream", () => table.get(id), refOptions),
    id,
  });

  async function shutDown(deadline: number, spread: number): Promise<void> {
    sources?.stop();
    if (table.producedHere === 0) gracePeriod.end();
    if (!gracePeriod.isOver) {
      pool.startDrain(spread, (id) => id !== undefined && table.isProducedHere(id));
      await gracePeriod.wait();
      // The readers of the last stream get its end first.
      await new Promise<void>((resolve) => runtime.clock.soon(resolve));
    }
    const until = runtime.clock.now() + deadline;
    await pool.drain(deadline, spread);
    lifecycle.isClosed = true;
    table.clear();
    snapshots?.clear();
    // A client that does not read takes the whole deadline. What is pushed until then has to be stored all the same.
    await host.close(Math.max(until, runtime.clock.now() + Math.min(deadline, STORE_TIME)));
  }

  return {
    [BARE_HOST]: bareHost,
    get size() {
      return table.size;
    },
    async open(id, openOptions = {}) {
      checkOptions(undefined, openOptions, OPEN_NAMES);
      const { ifExists = "throw", ...streamOptions } = openOptions;
      const resolved = resolveStream(defaults, streamOptions);
      checkTimes(streamOptions, id);
      checkOneOf("ifExists", ifExists, ["throw", "replace", "append"]);
      checkScope();
      if (lifecycle.isClosing) throw closedError();
      checkId(id);
      const opened = await host.open(id, resolved, ifExists);
      sources?.cancelRestart(id);
      return toWriter(opened);
    },
    channel(id, refOptions) {
      checkScope();
      checkId(id);
      // A handler of a registry that is closed has to get something: its client is asked to reconnect.
      const channel = lifecycle.isClosed ? undefined : host.channel(id);
      return {
        [ACCEPT]: acceptFor(id, "channel", () => channel?.find(), refOptions),
        id,
        push(event: SseEvent) {
          if (lifecycle.isClosed || channel === undefined) return;
          checkData?.(event);
          channel.push(event);
          channelNames.check(id, event.event);
        },
        delete(key: string, event?: SseEvent) {
          checkDelete(latestBy, key);
          if (lifecycle.isClosed || channel === undefined) return;
          if (event !== undefined) checkData?.(event);
          channel.delete?.(key, event);
        },
      };
    },
    stream,
    subscribe: createSubscribe(stream),
    get(id) {
      const held = table.get(id);
      return held && describeStream(held);
    },
    async find(id) {
      checkId(id);
      return host.find(id);
    },
    gauges: () => ({
      connections: pool.size,
      waiting: context.waiting.size,
      streams: table.size,
      lingering: table.lingering,
      bytes: table.bytes,
    }),
    connections: (key) => pool.list(key),
    async disconnect(key, reason) {
      checkKey(key);
      pool.disconnect(key, reason);
      await host.disconnect(key);
    },
    async cancel(id, reason, cancelOptions = {}) {
      checkId(id);
      checkOptions(undefined, cancelOptions, CANCEL_NAMES);
      checkDelay("grace", cancelOptions.grace ?? 0);
      return host.cancel(id, reason, cancelOptions);
    },
    close(closeOptions = {}) {
      checkOptions(undefined, closeOptions, CLOSE_NAMES);
      const { grace = 0, deadline = 10_000, spread = 5_000 } = closeOptions;
      checkDelay("grace", grace);
      checkDelay("deadline", deadline);
      checkDelay("spread", spread);
      lifecycle.isClosing = true;
      gracePeriod.limit(grace);
      closed ??= shutDown(deadline, spread);
      return closed;
    },
  };
}

/** How long a store has at least for the last events of a registry that closes, in ms. */
const STORE_TIME = 1_000;
