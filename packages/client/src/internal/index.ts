/** For holdfast's own packages, which are bundled from source. Not published. */
export { Answer } from "../answers/answer.ts";
export type { AnswerFormat, AnswerKind, Circumstances, Start } from "../answers/answer.ts";
export { answerUrl, stopAnswers } from "../answers/requests.ts";
