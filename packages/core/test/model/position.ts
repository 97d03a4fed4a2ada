/** The epoch and the number in an event id. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

export function positionOf(id: string | undefined): Position | undefined {
  const match = /^([0-9a-z]{10})\.(\d+)(\.end)?$/.exec(id ?? "");
  return match === null ? undefined : { epoch: match[1] as string, seq: Number(match[2]) };
}
