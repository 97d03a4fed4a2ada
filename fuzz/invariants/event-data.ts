const TEXTS = ["token ", "two\nlines\n", "zwölf €uro ", "🙂", 'id: 7\ndata: "forged"\n\n', ": no comment\n"];

/**
 * The data of event `number` of a stream's life. It can be told from the data alone whether it is the right event, and
 * whether it arrived whole. It has several lines, characters of several bytes and lines that look like fields.
 */
export function eventData(life: string, number: number, isLast = false): string {
  const text = TEXTS[number % TEXTS.length] as string;
  return `${life} ${number} ${isLast ? "last" : "more"}\n${text.repeat((number * 7_919) % 61)}`;
}

export interface EventContent {
  readonly life: string;
  readonly number: number;
  readonly isLast: boolean;
}

/** What the data says of itself; `undefined` if it did not arrive as it was pushed. */
export function readEventData(data: string): EventContent | undefined {
  const [, life = "", digits = "", kind] = /^(\S+) (\d+) (last|more)\n/.exec(data) ?? [];
  const content = { life, number: Number(digits), isLast: kind === "last" };
  return data === eventData(life, content.number, content.isLast) ? content : undefined;
}
