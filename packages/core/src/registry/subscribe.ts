// Tested by test/stream/subscription.test.ts; what is decoded by test/contract/decoded-messages.test.ts.

import { checkOptions } from "../base/check-options.ts";
import { check, checkAwaited } from "../base/validate.ts";
import type { DeliveryOptions } from "../connection/options.ts";
import { ACCEPT, type StreamSource } from "../connection/source.ts";
import { decodeMessages } from "../contract/decoded-messages.ts";
import { checkId } from "../protocol/check-id.ts";
import { type SubscribeOptions, Subscription } from "../stream/subscription.ts";
import { SUBSCRIBE_NAMES } from "./option-names.ts";
import type { Registry } from "./types.ts";

/** A consumer in this process needs no heartbeat, is never a zombie, and stays as long as it likes. */
const IN_PROCESS: DeliveryOptions = {
  heartbeat: Infinity,
  idleTimeout: Infinity,
  maxDuration: Infinity,
  control: true,
};

/** `subscribe` of a registry with these streams. */
export function createSubscribe(stream: (id: string) => StreamSource): Registry["subscribe"] {
  function subscribe(source: StreamSource | string, options: SubscribeOptions = {}): unknown {
    checkOptions(undefined, options, SUBSCRIBE_NAMES);
    checkAwaited("source", source);
    const ref = typeof source === "string" ? stream(source) : source;
    const isSource = typeof ref === "object" && ref !== null && ACCEPT in ref;
    check(isSource, "source", "the id of a stream, or a stream, writer or channel of a registry", ref);
    checkId(ref.id);
    const cursor = options.cursor || undefined;
    const messages = new Subscription(
      (signal, open) => ref[ACCEPT]({ method: "GET", cursor, signal }, open, IN_PROCESS, false),
      options,
    );
    return options.events === undefined ? messages : decodeMessages(messages, options.events);
  }
  return subscribe as Registry["subscribe"];
}
