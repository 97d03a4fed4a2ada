export { LAYOUT } from "./tables.ts";
export { outboxChannel } from "./outbox-functions.ts";
import { outboxFunctions, outboxTrigger } from "./outbox-functions.ts";
import { storeFunctions } from "./store-functions.ts";
import { tables } from "./tables.ts";

/** The statements that create everything in a schema that has nothing. */
export const createSql = (schema: string): string =>
  tables(schema) + functionsSql(schema) + outboxTrigger(schema);

/** The statements that bring the functions of a schema up to date. They lock no table. */
export const functionsSql = (schema: string): string => storeFunctions(schema) + outboxFunctions(schema);
