import type { SharedConnection } from "../multiplex/shared-connection.ts";
import { isConnectionError } from "../retry/connection-error.ts";
import { MemberRelay } from "./member-relay.ts";
import type { GroupMessage, MemberMessageBody } from "./tab-messages.ts";

// Tested by test/tabs.

/** As many members as a server takes on one connection. */
const MAX_RELAYS = 256;

export interface RelayTableHandlers {
  /** Says it to all tabs, this one included. */
  readonly say: (member: string, body: MemberMessageBody) => void;
  /** The credentials of this tab are not good enough. */
  readonly onUnauthorized: (error: unknown) => void;
  /** A relay needs the channel of its member, or does not need it any more. */
  readonly onOpen: (relay: MemberRelay) => void;
  readonly onClose: (relay: MemberRelay) => void;
  /** Calls back when that tab is gone. */
  readonly watchTab: (tab: string, onGone: () => void, signal: AbortSignal) => void;
}

interface Relayed {
  readonly relay: MemberRelay;
  /** The tabs that want it. */
  readonly tabs: Set<string>;
}

/** What the leading tab reads for all tabs, on one connection. */
export class RelayTable {
  readonly #shared: SharedConnection;
  readonly #handlers: RelayTableHandlers;
  readonly #relayed = new Map<string, Relayed>();
  readonly #tabs = new Set<string>();
  /** Ends with the leadership of this tab. */
  #reign = new AbortController();

  constructor(shared: SharedConnection, handlers: RelayTableHandlers) {
    this.#shared = shared;
    this.#handlers = handlers;
  }

  /** Does what a tab asks for, which may be this one. */
  serve(message: GroupMessage): void {
    if (message.type === "leave") this.#forget(message.tab, message.member);
    if (message.type !== "ask") return;
    const { cursor, member, tab } = message;
    this.#watch(tab);
    const relayed = this.#relayed.get(member) ?? this.#open(member, cursor);
    relayed?.tabs.add(tab);
    const blocks = relayed?.relay.behind(cursor);
    this.#handlers.say(member, {
      type: "answer",
      tab,
      verdict: !relayed ? "full" : blocks ? "level" : "behind",
      blocks: blocks ?? [],
      state: relayed?.relay.state,
    });
  }

  /** Drops everything: this tab leads no more. */
  clear(): void {
    this.#reign.abort();
    this.#reign = new AbortController();
    this.#tabs.clear();
    for (const relayed of this.#relayed.values()) this.#end(relayed);
  }

  #watch(tab: string): void {
    if (this.#tabs.has(tab)) return;
    this.#tabs.add(tab);
    const onGone = (): void => {
      this.#tabs.delete(tab);
      for (const member of this.#relayed.keys()) this.#forget(tab, member);
    };
    this.#handlers.watchTab(tab, onGone, this.#reign.signal);
  }

  #open(member: string, cursor: string): Relayed | undefined {
    if (this.#relayed.size >= MAX_RELAYS) return undefined;
    const { say } = this.#handlers;
    const relay = new MemberRelay(member, cursor, {
      onBlocks: (blocks) => say(member, { type: "blocks", blocks }),
      onState: (state) => say(member, { type: "state", state }),
      onFailure: (error) => this.#fail(relay, error),
      onProgress: () => this.#shared.onProgress(),
    });
    const relayed = { relay, tabs: new Set<string>() };
    this.#relayed.set(member, relayed);
    this.#handlers.onOpen(relay);
    relay.attempt.signal.addEventListener("abort", () => {
      const outcome = relay.attempt.signal.reason;
      if (outcome && outcome.type !== "interrupt") {
        relay.flush();
        say(member, { type: "outcome", outcome });
      }
      // What is read already is said first.
      queueMicrotask(() => this.#end(relayed));
    });
    this.#shared.join(relay);
    return relayed;
  }

  #fail({ member }: MemberRelay, error: unknown): void {
    const { reason, status } = isConnectionError(error)
      ? error
      : { reason: "request" as const, status: undefined };
    if (reason === "unauthorized") return this.#handlers.onUnauthorized(error);
    const message = error instanceof Error ? error.message : String(error);
    this.#handlers.say(member, { type: "failed", reason, message, status });
  }

  #forget(tab: string, member: string): void {
    const relayed = this.#relayed.get(member);
    if (relayed?.tabs.delete(tab) && relayed.tabs.size === 0) this.#end(relayed);
  }

  #end(relayed: Relayed): void {
    const { relay } = relayed;
    if (this.#relayed.get(relay.member) !== relayed) return;
    this.#relayed.delete(relay.member);
    this.#shared.leave(relay);
    this.#handlers.onClose(relay);
  }
}
