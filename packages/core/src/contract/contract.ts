import { HoldfastError } from "../base/errors.ts";
import { check } from "../base/validate.ts";
import { invalidEvent } from "../protocol/check-event.ts";
import { type DecoderMap, isSchema, issuesOf, type Schema } from "./decoder.ts";

/**
 * Checks an event before it is appended. It never changes the event: what is pushed is what goes out.
 *
 * @throws `INVALID_EVENT` for data that the schema of its name rejects, `INVALID_OPTION` for a schema that is asynchronous
 */
export type CheckData = (event: { readonly event?: string; readonly data?: unknown }) => void;

/**
 * Reads the option `events` of a registry. Without a schema in it there is nothing to check, and the result is `undefined`.
 *
 * @throws `INVALID_OPTION`
 */
export function readContract(events: DecoderMap | undefined): CheckData | undefined {
  const schemas = new Map<string, Schema<unknown>["~standard"]>();
  for (const [name, decoder] of Object.entries(checkDecoders(events))) {
    if (isSchema(decoder)) schemas.set(name, decoder["~standard"]);
  }
  if (schemas.size === 0) return undefined;
  return (event) => {
    // What is not an event is refused by the log, which can say more about it.
    const name = event?.event ?? "message";
    const schema = schemas.get(name);
    if (schema !== undefined) checkData(name, schema, event?.data);
  };
}

/** @throws `INVALID_OPTION` */
export function checkDecoders(events: DecoderMap = {}): DecoderMap {
  check(typeof events === "object" && events !== null, "events", "an object of decoders", events);
  for (const [name, decoder] of Object.entries(events)) {
    const isDecoder = typeof decoder === "function" || isSchema(decoder);
    check(isDecoder, `events.${name}`, "a function or a Standard Schema", decoder);
  }
  return events;
}

function checkData(name: string, schema: Schema<unknown>["~standard"], data: unknown): void {
  const result = schema.validate(data);
  if ("then" in result) {
    // Its rejection would be nobody's.
    result.catch(() => undefined);
    const message = `The schema of "${name}" is asynchronous: a push is not. Use a schema without asynchronous steps.`;
    throw new HoldfastError("INVALID_OPTION", message, { expose: false });
  }
  if (result.issues) throw invalidEvent(`Invalid \`data\` of "${name}": ${issuesOf(result.issues)}`);
}
