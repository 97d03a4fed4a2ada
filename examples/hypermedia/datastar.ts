import type { SseEvent } from "@holdfast/hono";
import { ServerSentEventGenerator } from "@starfederation/datastar-sdk/abstractServerSentEventGenerator";
import { escape, type View } from "./view.ts";

export const datastar: View = {
  head: `<script src="/assets/datastar.js" type="module"></script>`,
  body: (events) => `
    <div data-init="@get('${events}')"></div>
    <ol id="lines"></ol>
    <p id="status">running</p>`,
  line: (text) => patch(`<li>${escape(text)}</li>`, { selector: "#lines", mode: "append" }),
  control({ event, data }) {
    if (event === "stream.reset") return patch(`<ol id="lines"></ol>`);
    if (event === "stream.end") return patch(`<p id="status">${data.status}</p>`);
    return undefined;
  },
};

/** Returns what Datastar's SDK would send, instead of sending it. */
class Generator extends ServerSentEventGenerator {
  // That of the SDK is protected.
  constructor() {
    super();
  }

  override send(event: string, lines: string[]): string[] {
    return [event, lines.join("\n")];
  }

  override close(): void {}
}

function patch(...args: Parameters<Generator["patchElements"]>): SseEvent {
  const [event, data] = new Generator().patchElements(...args);
  return { event: event as string, data };
}
