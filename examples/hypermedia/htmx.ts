import { escape, type View } from "./view.ts";

// Without `defer`: a script that is deferred runs when the page is there, and htmx then begins before it has the extension.
export const htmx: View = {
  head: `
    <script src="/assets/htmx.js"></script>
    <script src="/assets/hx-sse.js"></script>`,
  body: (events) => `
    <ol
      hx-sse:connect="${events}"
      hx-sse:close="stream.end"
      hx-swap="beforeend"
      hx-on:stream.reset="this.replaceChildren()"
      hx-on:stream.end="htmx.find('#status').textContent = JSON.parse(data).status"
    ></ol>
    <p id="status">running</p>`,
  line: (text) => ({ data: `<li>${escape(text)}</li>` }),
  control: true,
};
