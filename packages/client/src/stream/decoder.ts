/**
 * The part of a Standard Schema (standardschema.dev) that is used here. Zod, Valibot, ArkType and others implement it.
 */
export interface Schema<T> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Makes an event's data from its text: a function, which throws if it cannot, or a schema for the parsed JSON. */
export type Decoder<T> = ((data: string) => T | PromiseLike<T>) | Schema<T>;

/** A decoder for each event. `Decoders<Events>` fits a server's `Registry<Events>`. */
export type Decoders<Events extends object> = {
  readonly [Name in keyof Events & string]: Decoder<Events[Name]>;
};

/** The data that the decoders make. */
export type Decoded<Map> = { [Name in keyof Map]: Map[Name] extends Decoder<infer T> ? T : never };

/** Decoder: the text itself. */
export const text = (data: string): string => data;

/** Decoder: the text parsed as JSON. Its type is not checked; a schema checks it. */
export function json<T>(): (data: string) => T {
  return JSON.parse as (data: string) => T;
}

/** @throws what the decoder throws */
export async function decode<T>(decoder: Decoder<T>, data: string): Promise<T> {
  if (typeof decoder === "function") return decoder(data);
  const result = await decoder["~standard"].validate(JSON.parse(data));
  if (!result.issues) return result.value;
  throw new TypeError(result.issues.map(({ message }) => message).join("; "));
}
