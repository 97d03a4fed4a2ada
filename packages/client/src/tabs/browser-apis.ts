import type { Channel, TabApis } from "./tab-group.ts";

// Tested by test/tabs.

/** What tabs share in this browser; `undefined` where an API is missing, for example on a page without HTTPS. */
export function browserApis(): TabApis | undefined {
  const { BroadcastChannel, document, navigator } = globalThis as {
    BroadcastChannel?: typeof globalThis.BroadcastChannel;
    document?: EventTarget & { readonly hidden: boolean };
    navigator?: { readonly locks?: LockManager };
  };
  const locks = navigator?.locks;
  if (!locks || !BroadcastChannel) return undefined;
  return {
    request: (name, options, hold) => locks.request(name, options, hold),
    openChannel: (name) => new BroadcastChannel(name) as Channel,
    // A worker has no document, and is never hidden.
    isVisible: () => !document?.hidden,
    onLifecycle(suspend, resume) {
      const listeners = [
        [globalThis as Partial<EventTarget>, "pagehide", suspend],
        [document, "freeze", suspend],
        [globalThis as Partial<EventTarget>, "pageshow", resume],
        [document, "resume", resume],
      ] as const;
      for (const [target, type, listener] of listeners) target?.addEventListener?.(type, listener);
      return () => {
        for (const [target, type, listener] of listeners) target?.removeEventListener?.(type, listener);
      };
    },
  };
}
