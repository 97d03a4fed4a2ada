/** Something is shown 60 times a second: faster screens skip some frames. */
const INTERVAL = 1_000 / 60;
/** How much earlier than due a frame of a 60 Hz screen may come, in ms. */
const JITTER = 2;
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
let due = -Infinity;

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
    if (time >= due - JITTER) showAll(time);
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
  due = Math.max(due, time - JITTER) + INTERVAL;
  const displays = [...waiting];
  waiting.clear();
  for (const display of displays) display.show();
}
