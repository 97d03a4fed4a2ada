import { isToolUIPart } from "ai";
import { memo, type ReactElement } from "react";
import { type ChatMessage } from "../chat.ts";
import type { Proof } from "./use-proofs.ts";

interface MessageProps {
  readonly message: ChatMessage;
  readonly isStreaming: boolean;
  readonly isIncomplete: boolean;
  readonly proof: Proof | undefined;
}

/** A question, or an answer with the tools that it has used. */
export const Message = memo(function Message(props: MessageProps): ReactElement {
  const { message, isStreaming, isIncomplete, proof } = props;
  const { id, role, parts } = message;
  const state = stateOf(message, isStreaming, isIncomplete);
  return (
    <article className="message" data-role={role} data-state={state} data-id={id}>
      <h2 className="hidden">{role === "user" ? "You" : "Assistant"}</h2>
      {parts.map((part, index) => (
        <Part key={index} part={part} />
      ))}
      {state === "stopped" && <p className="remark">This answer was stopped.</p>}
      {/* The last one has a notice. */}
      {state === "incomplete" && !isIncomplete && <p className="remark">This answer is incomplete.</p>}
      {proof !== undefined && (
        <p className="verdict" data-proof={proof.isRight ? "right" : "wrong"}>
          <span aria-hidden="true">{proof.isRight ? "✓" : "✗"}</span> {proof.text}
        </p>
      )}
    </article>
  );
});

function stateOf(
  { metadata }: ChatMessage,
  isStreaming: boolean,
  isIncomplete: boolean,
): "streaming" | "incomplete" | "stopped" | "whole" {
  if (isStreaming) return "streaming";
  if (isIncomplete || metadata?.isIncomplete === true) return "incomplete";
  return metadata?.isStopped === true ? "stopped" : "whole";
}

function Part({ part }: { readonly part: ChatMessage["parts"][number] }): ReactElement | null {
  if (part.type === "text") return <div className="text">{part.text}</div>;
  if (!isToolUIPart(part)) return null;
  const isDone = part.state === "output-available";
  const { words, characters } = (isDone ? part.output : {}) as { words?: number; characters?: number };
  return (
    <div className="tool" data-state={part.state}>
      <span className="tool-name">Count words</span>
      <span>{isDone ? `${words} words, ${characters} characters` : toolState(part.state)}</span>
    </div>
  );
}

function toolState(state: string): string {
  return state === "output-error" ? "failed" : "…";
}
