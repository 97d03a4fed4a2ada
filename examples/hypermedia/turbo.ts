import { escape, type View } from "./view.ts";

export const turbo: View = {
  head: `<script src="/assets/turbo.js" defer></script>`,
  body: (events) => `
    <turbo-stream-source src="${events}"></turbo-stream-source>
    <ol id="lines"></ol>
    <p id="status">running</p>`,
  line: (text) => ({ data: streamElement("append", "lines", `<li>${escape(text)}</li>`) }),
  control({ event, data }) {
    if (event === "stream.reset") return { data: streamElement("update", "lines", "") };
    if (event === "stream.end") return { data: streamElement("update", "status", data.status) };
    return undefined;
  },
};

function streamElement(action: string, target: string, content: string): string {
  return `<turbo-stream action="${action}" target="${target}"><template>${content}</template></turbo-stream>`;
}
