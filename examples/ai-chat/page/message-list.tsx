import { type ReactElement, type ReactNode, useEffect, useRef, useState } from "react";
import type { ChatMessage } from "../chat.ts";
import { Message } from "./message.tsx";
import type { Proof } from "./use-proofs.ts";

const SUGGESTIONS = ["What is a holdfast?", "Tell me about the sea.", "Please fail in the middle."];

interface MessageListProps {
  readonly messages: readonly ChatMessage[];
  readonly isBusy: boolean;
  /** Whether the last answer has failed. */
  readonly isIncomplete: boolean;
  readonly proofs: ReadonlyMap<string, Proof>;
  readonly onAsk: (text: string) => void;
  /** What stands below the last message. */
  readonly children: ReactNode;
}

/** The messages, which scroll. New text stays in view, unless the reader has scrolled up. */
export function MessageList(props: MessageListProps): ReactElement {
  const { messages, isBusy, isIncomplete, proofs, onAsk, children } = props;
  const list = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = (): void => list.current?.scrollTo({ top: list.current.scrollHeight });
  useEffect(() => {
    if (isAtEnd) toEnd();
  });
  useEffect(() => {
    if (!isAtEnd || list.current === null) return undefined;
    // A keyboard on the screen, or a rotation.
    const observer = new ResizeObserver(toEnd);
    observer.observe(list.current);
    return () => observer.disconnect();
  }, [isAtEnd]);
  const last = messages.at(-1);
  return (
    <div className="conversation">
      <div
        ref={list}
        className="messages"
        role="log"
        aria-label="Conversation"
        // The announcer reads whole sentences instead.
        aria-live="off"
        aria-busy={isBusy}
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) =>
          setAtEnd(scrollHeight - scrollTop - clientHeight < 48)
        }
      >
        {messages.length === 0 && <Welcome onAsk={onAsk} />}
        {messages.map((message) => (
          <Message
            key={message.id}
            message={message}
            isStreaming={isBusy && message === last}
            isIncomplete={isIncomplete && message === last}
            proof={proofs.get(message.id)}
          />
        ))}
        {isBusy && last?.role === "user" && <p className="thinking">Thinking…</p>}
        {children}
      </div>
      {!isAtEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          Latest message <span aria-hidden="true">↓</span>
        </button>
      )}
    </div>
  );
}

function Welcome({ onAsk }: { readonly onAsk: (text: string) => void }): ReactElement {
  return (
    <div className="welcome">
      <h2>Ask something, then break it</h2>
      <p>
        While the answer is being written: reload the page, open a second tab, cut the connection, or kill the
        server. The message arrives whole, or you are told that it did not.
      </p>
      <div className="actions">
        {SUGGESTIONS.map((text) => (
          <button key={text} type="button" onClick={() => onAsk(text)}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
}
