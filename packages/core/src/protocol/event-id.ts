/** A frame's place in its stream, or (`end`) the terminal record behind the last frame. */
export interface EventId {
  /** Ten base-36 characters: one life of a stream. */
  readonly epoch: string;
  /** From 1, contiguous; 0 stands before the first event. */
  readonly seq: number;
  readonly end: boolean;
}

const FORM = /^([0-9a-z]{10})\.(0|[1-9][0-9]{0,15})(\.end)?$/;

/** A new epoch out of ten draws of `random`, each in [0, 1). */
export function makeEpoch(random: () => number): string {
  let epoch = "";
  while (epoch.length < 10) epoch += Math.floor(random() * 36).toString(36);
  return epoch;
}

/** `<epoch>.<seq>` */
export function makeId(epoch: string, seq: number): string {
  return `${epoch}.${seq}`;
}

/** `<epoch>.<seq>.end`, which no client may reconnect behind. */
export function makeTerminalId(epoch: string, seq: number): string {
  return `${epoch}.${seq}.end`;
}

/** Reads what `makeId` or `makeTerminalId` wrote; anything else is `undefined`. */
export function parseId(text: string): EventId | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const seq = Number(match[2]);
  if (!Number.isSafeInteger(seq)) return undefined;
  return { epoch: match[1] as string, seq, end: match[3] !== undefined };
}

/**
 * Negative, zero or positive as `a` comes before, at or after `b`, by number and never as text.
 * `undefined` across epochs: two lives of a stream have no order.
 */
export function compareIds(a: EventId, b: EventId): number | undefined {
  if (a.epoch !== b.epoch) return undefined;
  return a.seq - b.seq || Number(a.end) - Number(b.end);
}

const CONTROL = /\p{Cc}/u;

/** Whether a value can be a stream's id: a string of 1 to 256 characters, none of them a control character. */
export function isStreamId(id: unknown): id is string {
  return typeof id === "string" && id.length >= 1 && id.length <= 256 && !CONTROL.test(id);
}
