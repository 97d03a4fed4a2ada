import type { Control, SseEvent } from "@holdfast/hono";

/** How one of the libraries shows a build. */
export interface View {
  /** The elements of the page's head that load the library. */
  readonly head: string;
  /** The elements of the page that show the events of a URL. */
  body(events: string): string;
  /** The event that appends a line. */
  line(text: string): SseEvent;
  /** What the library gets for control events. */
  readonly control: Control;
}

/** Text as HTML. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
