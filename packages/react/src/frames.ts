/** The shortest time between two frames in which something is shown, in ms: faster screens than 60 Hz skip some. */
const MIN_FRAME = 15;
/** How long to wait for a frame, in ms: hidden pages have none. */
const NO_FRAME = 100;
/** Instead of a frame, where there is none, in ms. */
const TIMER = 17;

/** Something that changes what components show, and lets them render. */
export interface Display {
  show(): void;
}

interface Frames {
  requestAnimationFrame?: (callback: (time: number) => void) => number;
  cancelAnimationFrame?: (frame: number) => void;
}

const waiting = new Set<Display>();
let cancel: (() => void) | undefined;
let shownAt = -Infinity;

/**
 * Shows the display in the next frame, once. All displays have the same frame, so that React renders a component once, however
 * many streams it has.
 */
export function showInNextFrame(display: Display): void {
  waiting.add(display);
  cancel ??= request();
}

function request(): () => void {
  const { requestAnimationFrame, cancelAnimationFrame } = globalThis as Frames;
  const onFrame = (time: number): void => {
    if (time - shownAt >= MIN_FRAME) showAll(time);
    else frame = requestAnimationFrame?.(onFrame);
  };
  let frame = requestAnimationFrame?.(onFrame);
  const timer = setTimeout(() => showAll(performance.now()), frame === undefined ? TIMER : NO_FRAME);
  return () => {
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame?.(frame);
  };
}

function showAll(time: number): void {
  cancel?.();
  cancel = undefined;
  shownAt = time;
  const displays = [...waiting];
  waiting.clear();
  for (const display of displays) display.show();
}
