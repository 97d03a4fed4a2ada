import { ResilientEventSource } from "@holdfast/client";
import { EventSource } from "eventsource";
import { onTestFinished } from "vitest";
import { type EventSourceLike, type Heard, type NativeClient, passOn } from "./native-client.ts";

/** The package `eventsource`, and ours. */
export const inNode: readonly NativeClient[] = [
  implementedBy("eventsource in Node", (url) => new EventSource(url)),
  implementedBy(
    "ResilientEventSource, as the standard says, in Node",
    (url) => new ResilientEventSource(url, { policy: "standard" }),
  ),
];

function implementedBy(name: string, create: (url: string) => EventSourceLike): NativeClient {
  return {
    name,
    async listen(url, types = []) {
      const source = create(url);
      onTestFinished(() => source.close());
      const heard: Heard[] = [];
      passOn(source, types, (said) => heard.push(said));
      return { heard, state: async () => source.readyState };
    },
  };
}
