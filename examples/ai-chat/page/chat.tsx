import { useChat } from "@ai-sdk/react";
import { type ReactElement, useCallback, useEffect, useRef, useState } from "react";
import { type ChatMessage, type StoredChat, textOf } from "../chat.ts";
import { Announcer } from "./announcer.tsx";
import { loadChat, transport } from "./api.ts";
import { BreakIt } from "./break-it.tsx";
import { Composer } from "./composer.tsx";
import { MessageList } from "./message-list.tsx";
import { Notice } from "./notice.tsx";
import { useProofs } from "./use-proofs.ts";

/** Before a page asks again for an answer that was not there, in ms. */
const RESUME_DELAY = 300;

/** A chat, from what the server has kept of it. */
export function Chat({ id, loaded }: { readonly id: string; readonly loaded: StoredChat }): ReactElement {
  const [stored, setStored] = useState(loaded);
  const [isDisconnected, setDisconnected] = useState(false);
  const [hint, setHint] = useState("");
  const [draft, setDraft] = useState("");
  const composer = useRef<HTMLTextAreaElement>(null);
  const { messages, setMessages, status, error, clearError, sendMessage, regenerate, resumeStream } =
    useChat<ChatMessage>({
      id,
      messages: [...loaded.messages],
      transport,
      resume: loaded.status === "writing",
      throttle: 30,
      onError: (failed) => {
        if (isRefused(failed)) void catchUp();
      },
      onFinish({ message, isAbort, isDisconnect }) {
        setDisconnected(isDisconnect);
        if (isAbort) setMessages((all) => all.map((one) => (one.id === message.id ? stopped(one) : one)));
      },
    });

  /** Shows the chat as the server has it, and gives back a question that it has refused. */
  async function catchUp(): Promise<void> {
    const now = await loadChat(id);
    setStored(now);
    setMessages((mine) => {
      const question = mine.findLast(({ role }) => role === "user");
      const isKept = now.messages.some((one) => one.id === question?.id);
      if (question !== undefined && !isKept) setDraft(textOf(question));
      return [...now.messages];
    });
    clearError();
    setHint("The chat has gone on elsewhere. This is how it stands now.");
  }

  const isBusy = status === "submitted" || status === "streaming";
  const last = messages.at(-1);
  const isUnanswered = last?.role === "user";
  const failure = isBusy ? undefined : (error?.message ?? storedFailure(stored, isUnanswered));

  /** Shows what the server has, where this page has less: another tab has asked, or an answer has ended meanwhile. */
  const refresh = useCallback(async () => {
    const now = await loadChat(id);
    setStored(now);
    setMessages((mine) => (now.messages.length > mine.length ? [...now.messages] : mine));
    return now;
  }, [id, setMessages]);

  // Nothing was resumed: the answer has ended, or another process is about to keep it.
  const isWaiting = status === "ready" && isUnanswered;
  useEffect(() => {
    if (!isWaiting) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    void refresh().then((now) => {
      if (!isOver && now.status === "writing") timer = setTimeout(() => void resumeStream(), RESUME_DELAY);
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isWaiting, refresh, resumeStream]);

  useEffect(() => {
    const onVisible = async (): Promise<void> => {
      if (document.visibilityState !== "visible" || isBusy || error !== undefined) return;
      if ((await refresh()).status === "writing") await resumeStream();
    };
    const listener = (): void => void onVisible();
    document.addEventListener("visibilitychange", listener);
    return () => document.removeEventListener("visibilitychange", listener);
  }, [isBusy, error, refresh, resumeStream]);

  const stop = useCallback(() => {
    setHint("");
    transport.stop(id).catch(() => setHint("The server cannot be reached: the answer goes on."));
    composer.current?.focus();
  }, [id]);
  useEffect(() => {
    if (!isBusy) return undefined;
    const onKey = ({ key, isComposing }: KeyboardEvent): void => {
      if (key === "Escape" && !isComposing) stop();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [isBusy, stop]);

  const proofs = useProofs(id, messages, isBusy || failure !== undefined ? last?.id : undefined);

  const send = (text: string): void => {
    setDisconnected(false);
    setHint("");
    setDraft("");
    // What is left of an answer that has failed must not look whole below the next question.
    if (failure !== undefined)
      setMessages((all) => all.map((one) => (one === all.at(-1) ? incomplete(one) : one)));
    void sendMessage({ text });
  };
  const tryAgain = (): void => {
    setHint("");
    void (isDisconnected ? resumeStream() : regenerate());
    composer.current?.focus();
  };

  return (
    <div className="app">
      <header>
        <div>
          <h1>A chat that holds</h1>
          <p className="model">{stored.modelName}</p>
        </div>
        <a className="button" href={location.pathname}>
          New chat
        </a>
      </header>
      <main>
        <MessageList
          messages={messages}
          isBusy={isBusy}
          isIncomplete={failure !== undefined && !isUnanswered}
          proofs={proofs}
          onAsk={send}
        >
          {failure !== undefined && (
            <Notice
              text={failure}
              isIncomplete={!isUnanswered}
              action={isDisconnected ? "Reconnect" : "Try again"}
              onAction={tryAgain}
            />
          )}
        </MessageList>
        <Composer
          key={draft}
          ref={composer}
          draft={draft}
          isBusy={isBusy}
          hint={hint}
          onSend={send}
          onStop={stop}
        />
      </main>
      <BreakIt />
      <Announcer message={last?.role === "assistant" ? last : undefined} isBusy={isBusy} />
    </div>
  );
}

/** Whether the server has answered that the chat has gone on without this page. */
function isRefused({ cause }: Error): boolean {
  return (cause as { status?: number } | undefined)?.status === 409;
}

function incomplete(message: ChatMessage): ChatMessage {
  return message.role === "assistant" ? { ...message, metadata: { isIncomplete: true } } : message;
}

function stopped(message: ChatMessage): ChatMessage {
  return { ...message, metadata: { isStopped: true } };
}

/** What to say of a question that has no answer. */
function storedFailure({ status, error }: StoredChat, isUnanswered: boolean): string | undefined {
  if (!isUnanswered) return undefined;
  if (status === "failed") return error;
  return status === "stopped" ? "The answer was stopped before it began." : undefined;
}
