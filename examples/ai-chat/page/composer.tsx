import { type KeyboardEvent, type ReactElement, type Ref, useState } from "react";

interface ComposerProps {
  readonly ref: Ref<HTMLTextAreaElement>;
  /** The text at the beginning. */
  readonly draft: string;
  readonly isBusy: boolean;
  /** What to say instead of the keys. */
  readonly hint: string;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

/** Where one writes. Enter sends, Shift+Enter begins a new line, Escape stops the answer. */
export function Composer({ ref, draft, isBusy, hint, onSend, onStop }: ComposerProps): ReactElement {
  const [text, setText] = useState(draft);
  const canSend = !isBusy && text.trim() !== "";
  const send = (): void => {
    if (!canSend) return;
    onSend(text.trim());
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes a word, Enter accepts the word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label className="hidden" htmlFor="question">
        Message
      </label>
      <textarea
        id="question"
        ref={ref}
        rows={1}
        maxLength={8_000}
        placeholder="Ask something"
        aria-describedby="keys"
        autoFocus
        value={text}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={onKeyDown}
      />
      {isBusy ? (
        <button type="button" className="stop" aria-keyshortcuts="Escape" onClick={onStop}>
          <span className="square" aria-hidden="true" /> Stop
        </button>
      ) : (
        <button type="submit" className="primary" disabled={!canSend}>
          Send
        </button>
      )}
      <p id="keys">Enter sends, Shift+Enter begins a new line, Escape stops the answer.</p>
      <p role="status" className="hint">
        {hint}
      </p>
    </form>
  );
}
