export { gzip } from "./gzip.ts";
