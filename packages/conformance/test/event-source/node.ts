import { EventSource } from "eventsource";
import { onTestFinished } from "vitest";
import { type Heard, type NativeClient, passOn } from "./native-client.ts";

/** The package `eventsource`. */
export const node: NativeClient = {
  name: "eventsource in Node",
  async listen(url, types = []) {
    const source = new EventSource(url);
    onTestFinished(() => source.close());
    const heard: Heard[] = [];
    passOn(source, types, (said) => heard.push(said));
    return { heard, state: async () => source.readyState };
  },
};
