import { type ReactElement, useEffect, useState } from "react";
import type { StoredChat } from "../chat.ts";
import { loadChat } from "./api.ts";
import { Chat } from "./chat.tsx";

/** The id of the chat is in the address, so that a reload and a second tab show the same chat. */
function chatOfAddress(): string {
  const query = new URLSearchParams(location.search);
  const id = query.get("chat");
  if (id !== null) return id;
  const created = crypto.randomUUID();
  history.replaceState(null, "", `?chat=${created}`);
  return created;
}

const id = chatOfAddress();

export function App(): ReactElement {
  const [stored, setStored] = useState<StoredChat>();
  useEffect(() => {
    const controller = new AbortController();
    void loadChat(id, controller.signal).then(setStored, () => undefined);
    return () => controller.abort();
  }, []);
  if (stored === undefined) return <p className="loading">Loading the chat…</p>;
  return <Chat id={id} loaded={stored} />;
}
