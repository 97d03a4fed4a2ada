/** The position of an event in its stream or, with `end`, of the terminal record after the last event. */
export interface EventId {
  /** Ten base-36 characters that identify one life of a stream. */
  readonly epoch: string;
  /** Contiguous from 1; 0 is the position before the first event. */
  readonly seq: number;
  readonly end: boolean;
}

const FORMAT = /^([0-9a-z]{10})\.(0|[1-9][0-9]{0,15})(\.end)?$/;

/** A new epoch, made with ten calls of `random`. */
export function makeEpoch(random: () => number): string {
  let epoch = "";
  while (epoch.length < 10) epoch += Math.floor(random() * 36).toString(36);
  return epoch;
}

/** The id of an event: `<epoch>.<seq>`. */
export function makeId(epoch: string, seq: number): string {
  return idPrefix(epoch) + seq;
}

/** What all event ids of an epoch begin with. */
export function idPrefix(epoch: string): string {
  return `${epoch}.`;
}

/** The id of a terminal record: `<epoch>.<seq>.end`. A client with this cursor has everything and gets a 204. */
export function makeTerminalId(epoch: string, seq: number): string {
  return `${epoch}.${seq}.end`;
}

/** Parses what {@link makeId} or {@link makeTerminalId} returned; `undefined` for any other text. */
export function parseId(text: string): EventId | undefined {
  const match = FORMAT.exec(text);
  if (match === null) return undefined;
  const seq = Number(match[2]);
  if (!Number.isSafeInteger(seq)) return undefined;
  return { epoch: match[1] as string, seq, end: match[3] !== undefined };
}

const CONTROL = /\p{Cc}/u;

/** Whether a value can be the id of a stream: a string of 1 to 256 characters without control characters. */
export function isStreamId(id: unknown): id is string {
  return typeof id === "string" && id.length >= 1 && id.length <= 256 && !CONTROL.test(id);
}
