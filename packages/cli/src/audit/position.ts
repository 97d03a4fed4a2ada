/** Where an id stands in a numbering. Ids of the same series can be compared. */
export interface Position {
  readonly series: string;
  readonly number: number;
  /** Whether it is the id of the end, which has the number behind the last event. */
  readonly isEnd: boolean;
}

/** The ids of holdfast (PROTOCOL, 4): the number goes on when the epoch before it changes. */
const HOLDFAST = /^[0-9a-z]{10}\.([0-9]{1,15})(\.end)?$/;
const NUMBERED = /^(.*?)([0-9]{1,15})$/s;

/** The position of an id that ends with a number; `undefined` for any other. */
export function positionOf(id: string): Position | undefined {
  const holdfast = HOLDFAST.exec(id);
  if (holdfast) return { series: "holdfast", number: Number(holdfast[1]), isEnd: holdfast[2] !== undefined };
  const [, series, number] = NUMBERED.exec(id) ?? [];
  if (series === undefined) return undefined;
  return { series, number: Number(number), isEnd: false };
}
