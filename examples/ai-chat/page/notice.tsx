import type { ReactElement } from "react";

interface NoticeProps {
  readonly text: string;
  readonly isIncomplete: boolean;
  readonly action: string;
  readonly onAction: () => void;
}

/** Says that there is no whole answer, and what one can do. */
export function Notice({ text, isIncomplete, action, onAction }: NoticeProps): ReactElement {
  return (
    <div className="notice" role="alert">
      <p>
        {isIncomplete && <strong>This answer is incomplete. </strong>}
        {text}
      </p>
      <button type="button" onClick={onAction}>
        {action}
      </button>
    </div>
  );
}
