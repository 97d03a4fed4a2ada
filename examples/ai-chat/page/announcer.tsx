import { type ReactElement, useEffect, useRef, useState } from "react";
import { type ChatMessage, textOf } from "../chat.ts";
import { sentencesFrom } from "./sentences.ts";

/** How many sentences stay in the region; a screen reader reads only what is added. */
const KEPT = 20;

interface AnnouncerProps {
  /** The last answer. */
  readonly message: ChatMessage | undefined;
  readonly isBusy: boolean;
}

/** Reads an answer to a screen reader sentence by sentence while it is written: token by token nobody could follow. */
export function Announcer({ message, isBusy }: AnnouncerProps): ReactElement {
  const [said, setSaid] = useState<readonly { readonly key: string; readonly text: string }[]>([]);
  const position = useRef<{ readonly id: string; readonly end: number }>(undefined);
  const id = message?.id;
  const text = message === undefined ? "" : textOf(message);
  useEffect(() => {
    if (id === undefined) return;
    // What was there when the page was loaded is not news.
    if (position.current?.id !== id) position.current = { id, end: isBusy ? 0 : text.length };
    const { sentences, end } = sentencesFrom(text, Math.min(position.current.end, text.length), !isBusy);
    const from = position.current.end;
    position.current = { id, end };
    if (sentences.length === 0) return;
    const added = sentences.map((sentence, index) => ({ key: `${id}-${from}-${index}`, text: sentence }));
    setSaid((before) => [...before, ...added].slice(-KEPT));
  }, [id, text, isBusy]);
  return (
    <div className="hidden" aria-live="polite" aria-atomic="false" data-name="announcer">
      {said.map(({ key, text: sentence }) => (
        <p key={key}>{sentence}</p>
      ))}
    </div>
  );
}
