import { ResilientEventSource } from "@holdfast/client";
import { EventSource } from "eventsource";
import { onTestFinished } from "vitest";
import { shortDelays } from "../support/short-delays.ts";
import {
  type EventSourceLike,
  type Dispatched,
  type EventSourceImplementation,
  reportEvents,
} from "./implementation.ts";

/** The implementation of the package `eventsource`, and ours. */
export const inNode: readonly EventSourceImplementation[] = [
  implementation("eventsource in Node", (url) => new EventSource(url)),
  implementation(
    "ResilientEventSource, as the standard requires, in Node",
    (url) => new ResilientEventSource(url, { policy: "standard", clock: shortDelays() }),
  ),
];

function implementation(name: string, create: (url: string) => EventSourceLike): EventSourceImplementation {
  return {
    name,
    async listen(url, types = []) {
      const source = create(url);
      onTestFinished(() => source.close());
      const dispatched: Dispatched[] = [];
      reportEvents(source, types, (event) => dispatched.push(event));
      return { dispatched, state: async () => source.readyState };
    },
  };
}
