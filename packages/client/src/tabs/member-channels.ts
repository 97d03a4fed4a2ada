import type { Channel } from "./tab-apis.ts";

// Tested by test/tabs.

/** The channels of this tab: one for each member, for what it reads and for what it says as the leader. */
export class MemberChannels {
  readonly #open: (member: string) => Channel;
  readonly #onMessage: (member: string, data: unknown) => void;
  readonly #channels = new Map<string, { readonly channel: Channel; readonly users: Set<object> }>();

  constructor(open: (member: string) => Channel, onMessage: (member: string, data: unknown) => void) {
    this.#open = open;
    this.#onMessage = onMessage;
  }

  /** Keeps the channel open until this user drops it. */
  use(member: string, user: object): void {
    const used = this.#channels.get(member);
    if (used) return void used.users.add(user);
    const channel = this.#open(member);
    channel.onmessage = ({ data }) => this.#onMessage(member, data);
    this.#channels.set(member, { channel, users: new Set([user]) });
  }

  drop(member: string, user: object): void {
    const used = this.#channels.get(member);
    if (!used?.users.delete(user) || used.users.size > 0) return;
    this.#channels.delete(member);
    used.channel.close();
  }

  /** This tab does not hear it itself. */
  post(member: string, message: unknown): void {
    this.#channels.get(member)?.channel.postMessage(message);
  }
}
