type Callback = (this: never, event: never) => unknown;

/** The `on` attributes of an event target (WHATWG HTML, 8.1.8.1): a handler keeps the place that the first one had. */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, { callback: Callback | null }>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get<H extends Callback>(type: string): H | null {
    return (this.#handlers.get(type)?.callback ?? null) as H | null;
  }

  /** What is no function is nobody. */
  set(type: string, callback: Callback | null): void {
    const given = this.#handlers.get(type);
    const handler = given ?? { callback };
    handler.callback = typeof callback === "function" ? callback : null;
    if (given !== undefined) return;
    this.#handlers.set(type, handler);
    this.#target.addEventListener(type, (event) =>
      handler.callback?.call(this.#target as never, event as never),
    );
  }
}
