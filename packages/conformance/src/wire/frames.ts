/** One block of an event stream, read by hand: its fields, or its comment. */
export interface Frame {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  readonly data?: string;
  readonly comment?: string;
}

/** The whole blocks of what a client has received. */
export function framesOf(text: string): Frame[] {
  return text.split("\n\n").slice(0, -1).map(frameOf);
}

/** The frames with the name `event`. */
export function named(text: string, event: string): Frame[] {
  return framesOf(text).filter((frame) => frame.event === event);
}

/** The first frame with the name `event`, its data parsed. */
export function dataOf(text: string, event: string): unknown {
  const data = named(text, event)[0]?.data;
  return data === undefined ? undefined : JSON.parse(data);
}

/** The user's events: what is neither a comment nor a control event nor a bare field. */
export function eventsOf(text: string): Frame[] {
  return framesOf(text).filter(({ event, data }) => data !== undefined && !event?.startsWith("stream."));
}

/** The place of an id `<epoch>.<seq>` in its stream. */
function seqOf(id: string | undefined): number {
  return Number(id?.split(".")[1]);
}

/** Events that arrived, or that a reset said were lost, one behind the other. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly lost: boolean;
}

/** The numbers of a stream's events as the client can account for them, in the order in which it heard of them. */
export function stretchesOf(text: string): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { event, id, data = "" } of framesOf(text)) {
    if (event === "stream.reset") {
      const [from, to] = (JSON.parse(data) as { lost: [number, number] }).lost;
      stretches.push({ from, to, lost: true });
    } else if (id !== undefined && !event?.startsWith("stream.")) {
      const last = stretches.at(-1);
      const seq = seqOf(id);
      if (last?.lost === false && seq === last.to + 1)
        stretches.push({ ...(stretches.pop() as Stretch), to: seq });
      else stretches.push({ from: seq, to: seq, lost: false });
    }
  }
  return stretches;
}

function frameOf(block: string): Frame {
  const fields: Record<string, string> = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon) || "comment";
    const value = line.slice(colon + 1).replace(/^ /, "");
    fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
  }
  return fields;
}
