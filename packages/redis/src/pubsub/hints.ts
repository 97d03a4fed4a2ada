import type { OnWake, Store, StoreHint, StoreWake } from "@holdfast/core";
import type { Report } from "@holdfast/core/internal";
import { createSubscriber, type SubscriberOptions } from "./subscriber.ts";

interface HintOptions extends Pick<SubscriberOptions, "connector" | "timeout" | "clock" | "random"> {
  readonly channelOf: (id: string) => string;
  readonly report: Report;
}

interface ChannelListeners {
  readonly id: string;
  readonly listeners: Set<OnWake>;
}

/**
 * The `wake` of a store. All its callers share one Pub/Sub connection, which opens with the first id and closes with
 * the last caller.
 */
export function createWake(options: HintOptions): Store["wake"] {
  const { channelOf, report } = options;
  const channels = new Map<string, ChannelListeners>();
  const openListeners = new Set<OnWake>();

  function notify(listener: OnWake, id: string | undefined, why: StoreHint): void {
    try {
      listener(id, why);
    } catch (error) {
      report("failed", { id, stage: "store", error });
    }
  }

  function notifyChannel(name: string, why: StoreHint): void {
    const channel = channels.get(name);
    if (channel === undefined) return;
    for (const listener of channel.listeners) notify(listener, channel.id, why);
  }

  const subscriber = createSubscriber({
    ...options,
    wanted: channels,
    onMessage: (channel, payload) => notifyChannel(channel, toHint(payload)),
    // Hints that were published before the subscription are lost, so the listeners have to look.
    onSubscribed(channel) {
      if (channel !== undefined) notifyChannel(channel, "changed");
      else for (const listener of openListeners) notify(listener, undefined, "changed");
    },
    onFailure: (error) => report("failed", { id: undefined, stage: "store", error }),
  });

  return (ids, onWake): StoreWake => {
    const ownIds = new Set<string>();
    // A function of its own: two callers may pass the same `onWake`.
    const listener: OnWake = (id, why) => onWake(id, why);
    let closed = false;

    function add(id: string): void {
      if (closed || ownIds.has(id)) return;
      const name = channelOf(id);
      ownIds.add(id);
      const channel = channels.get(name) ?? { id, listeners: new Set() };
      channels.set(name, channel);
      channel.listeners.add(listener);
      subscriber.update(name);
      subscriber.start();
    }

    function remove(id: string): void {
      if (!ownIds.delete(id)) return;
      const name = channelOf(id);
      const channel = channels.get(name);
      channel?.listeners.delete(listener);
      if (channel?.listeners.size !== 0) return;
      channels.delete(name);
      subscriber.update(name);
    }

    function close(): void {
      if (closed) return;
      for (const id of ownIds) remove(id);
      closed = true;
      openListeners.delete(listener);
      if (openListeners.size === 0) subscriber.stop();
    }

    // Before anything is registered: an impossible id throws.
    const given = Array.from(ids);
    given.forEach((id) => channelOf(id));
    openListeners.add(listener);
    for (const id of given) add(id);
    return { add, delete: remove, close };
  };
}

/** Whatever another version publishes, it means that something has changed. */
function toHint(payload: string): StoreHint {
  return payload === "cancel" || payload === "disconnect" ? payload : "changed";
}
