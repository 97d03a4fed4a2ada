/*
 * A process that opens a stream, and has nothing else to do. Argument: the path of the file.
 */
import { createRegistry } from "@holdfast/core";
import { sqliteStore } from "../../src/index.ts";

const jobs = createRegistry({ store: sqliteStore({ path: process.argv[2] as string }) });
console.log("waiting");
await jobs.open("job");
console.log("opened");
await jobs.close();
