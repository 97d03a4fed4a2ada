import { parseId } from "@holdfast/core/internal";

/** Whether a client with this cursor has the event already. Only ids of the same epoch can be compared. */
export function isDuplicate(id: string, cursor: string): boolean {
  const event = parseId(id);
  const position = parseId(cursor);
  return !!event && event.epoch === position?.epoch && event.seq <= position.seq;
}
