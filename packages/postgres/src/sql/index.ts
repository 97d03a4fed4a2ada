export { LAYOUT } from "./tables.ts";
export { DRAIN_IS_LOCKED, outboxChannel } from "./outbox-functions.ts";
import { outboxFunctions, outboxTrigger } from "./outbox-functions.ts";
import { storeFunctions } from "./store-functions.ts";
import { addedColumns, tables } from "./tables.ts";

/** The statements that create everything in a schema that has nothing. */
export const createSql = (schema: string): string =>
  tables(schema) + functions(schema) + outboxTrigger(schema);

/** The statements that bring a schema up to date. They lock no table, unless columns are missing. */
export const updateSql = (schema: string): string => addedColumns(schema) + functions(schema);

const functions = (schema: string): string => storeFunctions(schema) + outboxFunctions(schema);
