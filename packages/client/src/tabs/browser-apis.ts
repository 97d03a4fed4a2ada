import type { Channel, TabApis } from "./tab-apis.ts";

// Tested by test/tabs, and in browsers by packages/conformance/test/tabs.

/** Browsers delay the timers of hidden tabs by up to a second, but not their messages. */
function soon(ms: number, callback: () => void): () => void {
  const { port1, port2 } = new MessageChannel();
  let end: number | undefined;
  port1.onmessage = ({ timeStamp }) => {
    end ??= timeStamp + ms;
    if (timeStamp < end) return port2.postMessage(0);
    port1.close();
    callback();
  };
  port2.postMessage(0);
  return () => port1.close();
}

/** What tabs share in this browser; `undefined` where an API is missing, for example on a page without HTTPS. */
export function browserApis(): TabApis | undefined {
  const { BroadcastChannel, crypto, document, navigator } = globalThis as {
    BroadcastChannel?: typeof globalThis.BroadcastChannel;
    crypto?: { readonly subtle?: SubtleCrypto };
    document?: EventTarget & { readonly hidden: boolean };
    navigator?: { readonly locks?: LockManager };
  };
  const locks = navigator?.locks;
  const subtle = crypto?.subtle;
  if (!locks || !subtle || !BroadcastChannel) return undefined;
  return {
    request: (name, options, hold) => locks.request(name, options, hold),
    openChannel: (name) => new BroadcastChannel(name) as Channel,
    // Users may choose their ids: a hash for which one can make collisions would let one of them share with another.
    async hash(text) {
      const digest = await subtle.digest("SHA-256", new TextEncoder().encode(text));
      return btoa(String.fromCharCode(...new Uint8Array(digest)));
    },
    // A worker has no document, and is never hidden.
    isVisible: () => !document?.hidden,
    soon,
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
