/**
 * The part of a Standard Schema (standardschema.dev) that is used here. Zod, Valibot, ArkType and others implement it.
 */
export interface Schema<Output, Input = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Makes an event's data from its text: a function, which throws if it cannot, or a schema for the parsed JSON. */
export type Decoder<T> = ((data: string) => T | PromiseLike<T>) | Schema<T>;

/** Decoders by the names of events: the option `events` of `createRegistry`, `subscribe` and `connect`. */
export type DecoderMap = Readonly<Record<string, Decoder<unknown>>>;

/** A decoder for each event. `Decoders<Events>` fits a server's `Registry<Events>`. */
export type Decoders<Events extends object> = {
  readonly [Name in keyof Events & string]: Decoder<Events[Name]>;
};

/** The data that the decoders make. */
export type Decoded<Map> = { [Name in keyof Map]: Map[Name] extends Decoder<infer T> ? T : never };

/**
 * The data that is pushed for the decoders to read: what a schema takes, and what a function makes.
 *
 * @example
 * const events = { token: text, progress: json<Progress>(), done: Result };
 * type Events = Pushed<typeof events>; // the type argument of Registry and StreamWriter
 */
export type Pushed<Map> = {
  [Name in keyof Map]: Map[Name] extends Schema<unknown, infer Input>
    ? Input
    : Map[Name] extends Decoder<infer T>
      ? T
      : never;
};

/** Decoder: the text itself. */
export const text = (data: string): string => data;

/** Decoder: the text parsed as JSON. Its type is not checked; a schema checks it. */
export function json<T>(): (data: string) => T {
  return JSON.parse as (data: string) => T;
}

/** Schemas of some libraries are functions too. */
export function isSchema(decoder: unknown): decoder is Schema<unknown> {
  return "~standard" in Object(decoder);
}

/** What a schema says of a value that it rejects. */
export function issuesOf(issues: readonly { readonly message: string }[]): string {
  return issues.map(({ message }) => message).join("; ");
}

/** @throws what the decoder throws, or a TypeError with what a schema says */
export async function decode<T>(decoder: Decoder<T>, data: string): Promise<T> {
  const schema = (decoder as Schema<T>)["~standard"];
  if (!schema) return (decoder as (data: string) => T | PromiseLike<T>)(data);
  let failure: unknown;
  // A string goes over the wire as it is, `undefined` as nothing, and everything else as JSON.
  for (const read of data ? [JSON.parse, String] : [String, () => undefined]) {
    try {
      const result = await schema.validate(read(data));
      if (!result.issues) return result.value;
      failure ??= new TypeError(issuesOf(result.issues));
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}
