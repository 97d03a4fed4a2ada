export { multiplex } from "./multiplex.ts";
export type { Members, MemberSource } from "./multiplex.ts";
export type { MultiplexSource } from "../connection/source.ts";
