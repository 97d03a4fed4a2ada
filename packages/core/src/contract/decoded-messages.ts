import { invalidEvent } from "../protocol/check-event.ts";
import { checkDecoders } from "./contract.ts";
import { decode, type DecoderMap } from "./decoder.ts";

interface TextMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A message whose data has been decoded. `Events` maps the names of events to the types of their data. */
export type DecodedMessage<Events extends object> = {
  readonly [Name in keyof Events & string]: {
    readonly id: string;
    readonly event: Name;
    readonly data: Events[Name];
  };
}[keyof Events & string];

/**
 * Decodes the data of messages. Those of other names keep their text.
 *
 * @throws `INVALID_OPTION`; from `next()` `INVALID_EVENT` for data that its decoder cannot read, which ends the iteration
 */
export function decodeMessages(
  messages: AsyncIterableIterator<TextMessage>,
  events: DecoderMap,
): AsyncIterableIterator<unknown> {
  checkDecoders(events);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const result = await messages.next();
      if (result.done === true) return result;
      const { id, event, data } = result.value;
      const decoder = Object.hasOwn(events, event) ? events[event] : undefined;
      if (decoder === undefined) return result;
      try {
        return { done: false, value: { id, event, data: await decode(decoder, data) } };
      } catch (cause) {
        await messages.return?.();
        throw invalidEvent(`Invalid data of "${event}".`, cause);
      }
    },
    return: async () => (await messages.return?.()) ?? { done: true, value: undefined },
  };
}
