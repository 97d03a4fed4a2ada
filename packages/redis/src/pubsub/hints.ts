import type { Store, StoreHint } from "@holdfast/core";
import { createSubscriber, type Report, type SubscriberOptions } from "@holdfast/core/internal";
import { createHintListeners, type HintListeners } from "@holdfast/core/store-kit";

interface HintOptions extends Pick<SubscriberOptions, "connector" | "timeout" | "clock" | "random"> {
  readonly channelOf: (id: string) => string;
  readonly report: Report;
}

/**
 * The `wake` of a store. All its callers share one Pub/Sub connection, which opens with the first id and closes with
 * the last caller.
 */
export function createWake(options: HintOptions): Store["wake"] {
  const { channelOf, report } = options;
  const listeners: HintListeners = createHintListeners({
    keyOf: channelOf,
    onChange(channel) {
      subscriber.update(channel);
      if (listeners.keys.size > 0) subscriber.start();
    },
    onIdle: () => subscriber.stop(),
    onError: (error, id) => report("failed", { id, stage: "store", error }),
  });

  const subscriber = createSubscriber({
    ...options,
    wanted: listeners.keys,
    onMessage: (channel, payload) => listeners.notify(channel, toHint(payload)),
    // Hints that were published before the subscription are lost, so the listeners have to look.
    onSubscribed(channel) {
      if (channel !== undefined) listeners.notify(channel, "changed");
      else listeners.notifyAll();
    },
    onFailure: (error) => report("failed", { id: undefined, stage: "store", error }),
  });

  return listeners.wake;
}

/** Whatever another version publishes, it means that something has changed. */
function toHint(payload: string): StoreHint {
  return payload === "cancel" || payload === "disconnect" ? payload : "changed";
}
