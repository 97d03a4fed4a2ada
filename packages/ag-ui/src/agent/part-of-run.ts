import { type BaseEvent, type Message, type State, structuredClone_ } from "@ag-ui/client";

/** The fields of events that name a message. */
const ID_FIELDS = ["messageId", "parentMessageId", "toolCallId"] as const;

/** What an agent has of a run that is not whole: which thread it belongs to, and what the agent had before it. */
export class PartOfRun {
  readonly threadId: string;
  readonly state: State;
  readonly #before: ReadonlyMap<string, Message>;
  /** The messages that the run has made or changed. */
  readonly #ids = new Set<string>();

  constructor(threadId: string, messages: readonly Message[], state: State) {
    this.threadId = threadId;
    this.state = structuredClone_(state);
    this.#before = new Map(structuredClone_([...messages]).map((message) => [message.id, message]));
  }

  add(event: BaseEvent): void {
    for (const field of ID_FIELDS) {
      const id = (event as Partial<Record<typeof field, unknown>>)[field];
      if (typeof id === "string") this.#ids.add(id);
    }
    const { messages } = event as { messages?: readonly Message[] };
    for (const { id } of messages ?? []) this.#ids.add(id);
  }

  /** These messages without the part. What others have added since stays. */
  removeFrom(messages: readonly Message[]): Message[] {
    return messages.flatMap((message) => {
      if (!this.#ids.has(message.id)) return [message];
      const before = this.#before.get(message.id);
      return before === undefined ? [] : [structuredClone_(before)];
    });
  }
}
