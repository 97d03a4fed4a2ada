import type { HoldfastError } from "../base/errors.ts";
import type { StreamEvent } from "../protocol/event.ts";

/**
 * An event whose name may be one of several: `{ event: e.type, data: e }` of a union `e`. Its data must then be what one of
 * these names has.
 */
export interface NamedEvent<Events extends object, Name extends keyof Events & string> {
  /** The name of the event, or one of several. */
  readonly event: Name;
  /** What the events of this name have. */
  readonly data: Events[Name];
}

/**
 * `Item` itself if it can be an event of `Events`, so that what is written elsewhere can be piped: a union as in
 * {@link NamedEvent}, or an event whose name the compiler only knows as `string`, which a generator of its own and
 * `readEvents` give. Its data must then be what some event has.
 */
export type Pushable<Item, Events extends object> = Item extends HoldfastError
  ? Item
  : Item extends { readonly event?: infer Name; readonly data?: infer Data }
    ? [Data] extends [Events[string extends Name ? keyof Events : Extract<Name, keyof Events>]]
      ? [Name] extends [keyof Events]
        ? Item
        : string extends Name
          ? Item
          : StreamEvent<Events>
      : StreamEvent<Events>
    : StreamEvent<Events>;
