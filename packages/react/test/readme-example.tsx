import { json, text } from "@holdfast/client";
import { useStream } from "@holdfast/react";

const events = { token: text, usage: json<{ words: number }>() };

export function Answer({ url }: { url: string }) {
  const { value, state, error } = useStream(url, {
    events,
    reduce: (answer, message) => (message.event === "token" ? answer + message.data : answer),
    initial: "",
  });
  if (error !== undefined) return <p role="alert">The answer is not complete: {value}</p>;
  return <p aria-busy={state.status !== "closed"}>{value}</p>;
}
