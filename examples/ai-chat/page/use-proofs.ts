import { useEffect, useState } from "react";
import { type ChatMessage, type Given, textOf } from "../chat.ts";
import { loadGiven } from "./api.ts";

/** How a message of this page compares with what the model gave. */
export interface Proof {
  readonly isRight: boolean;
  readonly text: string;
}

/**
 * Compares each answer with what the server has written down at the model, once it has ended.
 *
 * @param open the message that has not ended, or has failed
 */
export function useProofs(
  chat: string,
  messages: readonly ChatMessage[],
  open: string | undefined,
): ReadonlyMap<string, Proof> {
  const [given, setGiven] = useState<readonly Given[]>([]);
  const answers = messages.filter(
    ({ role, id, metadata }) => role === "assistant" && id !== open && metadata?.isIncomplete !== true,
  );
  const ended = answers.map(({ id }) => id).join();
  useEffect(() => {
    if (ended === "") return undefined;
    const controller = new AbortController();
    void loadGiven(chat, controller.signal).then(setGiven, () => undefined);
    return () => controller.abort();
  }, [chat, ended]);
  return new Map(
    answers.flatMap((answer) => {
      const own = given.find(({ message }) => message === answer.id);
      return own === undefined ? [] : [[answer.id, compare(answer, own)] as const];
    }),
  );
}

function compare(message: ChatMessage, { text, questions }: Given): Proof {
  const shown = textOf(message);
  const asked = questions === 1 ? "asked once" : `asked ${questions} times`;
  const count = `${shown.length} of ${text.length} characters`;
  if (message.metadata?.isStopped === true && text.startsWith(shown)) {
    return { isRight: true, text: `Identical to what the model gave before the stop: ${count}, ${asked}` };
  }
  if (shown === text) return { isRight: true, text: `Identical to what the model gave: ${count}, ${asked}` };
  let same = 0;
  while (same < shown.length && shown[same] === text[same]) same++;
  return { isRight: false, text: `Not what the model gave: ${count}, different after ${same}` };
}
