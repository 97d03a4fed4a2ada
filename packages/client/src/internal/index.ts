/** For holdfast's own packages, which are bundled from source. Not published. */
export { Answer } from "../answers/answer.ts";
export type { AnswerFormat, AnswerKind, Start } from "../answers/answer.ts";
