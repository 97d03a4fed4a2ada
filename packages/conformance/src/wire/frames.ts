/** One block of an event stream: its fields, or its comment. */
export interface Frame {
  readonly event?: string;
  readonly id?: string;
  readonly retry?: string;
  readonly data?: string;
  readonly comment?: string;
}

/** The complete blocks in what a client has received. */
export function framesOf(text: string): Frame[] {
  return text.split("\n\n").slice(0, -1).map(frameOf);
}

/** The frames with the name `event`. */
export function framesNamed(text: string, event: string): Frame[] {
  return framesOf(text).filter((frame) => frame.event === event);
}

/** The parsed data of the first frame with the name `event`. */
export function dataOf(text: string, event: string): unknown {
  const data = framesNamed(text, event)[0]?.data;
  return data === undefined ? undefined : JSON.parse(data);
}

/** The user's events: the frames with data that are not control events. */
export function eventsOf(text: string): Frame[] {
  return framesOf(text).filter(({ event, data }) => data !== undefined && !event?.startsWith("stream."));
}

/** The sequence number in an id `<epoch>.<seq>`. */
function seqOf(id: string | undefined): number {
  return Number(id?.split(".")[1]);
}

/** Consecutive events that arrived, or that a reset reported as lost. */
export interface EventRange {
  readonly from: number;
  readonly to: number;
  readonly lost: boolean;
}

/** The sequence numbers of the events that a client received or was told are lost, in the order in which that happened. */
export function eventRanges(text: string): EventRange[] {
  const ranges: EventRange[] = [];
  for (const { event, id, data = "" } of framesOf(text)) {
    if (event === "stream.reset") {
      const [from, to] = (JSON.parse(data) as { lost: [number, number] }).lost;
      ranges.push({ from, to, lost: true });
    } else if (id !== undefined && !event?.startsWith("stream.")) {
      const last = ranges.at(-1);
      const seq = seqOf(id);
      if (last?.lost === false && seq === last.to + 1)
        ranges.push({ ...(ranges.pop() as EventRange), to: seq });
      else ranges.push({ from: seq, to: seq, lost: false });
    }
  }
  return ranges;
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
