type Handler<E extends Event> = (event: E) => unknown;

/**
 * The `on…` attributes of an event target (WHATWG HTML, 8.1.8.1). An attribute keeps its place among the listeners,
 * which is that of the first handler it was given.
 *
 * @typeParam Events the event of each attribute
 */
export class EventHandlers<Events extends { readonly [Name in keyof Events]: Event }> {
  readonly #target: EventTarget;
  readonly #handlers: { [Name in keyof Events]?: Handler<Events[Name]> | null } = {};

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get<Name extends keyof Events>(name: Name): Handler<Events[Name]> | null {
    return this.#handlers[name] ?? null;
  }

  /** Anything but a function removes the handler. */
  set<Name extends keyof Events & string>(name: Name, handler: Handler<Events[Name]> | null): void {
    const isFirst = !(name in this.#handlers);
    this.#handlers[name] = typeof handler === "function" ? handler : null;
    if (!isFirst) return;
    this.#target.addEventListener(name, (event) =>
      this.#handlers[name]?.call(this.#target, event as Events[Name]),
    );
  }
}
