import { finish, type ModelPart } from "../support/model.ts";
import type { Random } from "./random.ts";

const WORDS = [
  "Once ",
  "upon\n\n",
  "a\r\n",
  "time",
  " 🚀",
  "é",
  ": data: x\n",
  "\u2028",
  "```ts\n",
  '{"a":1}',
  "" + " ",
];

/** The steps of an answer: thoughts, texts, and calls of a tool, whose input comes in pieces. */
export function randomSteps(random: Random): (ModelPart | Error)[][] {
  const steps: (ModelPart | Error)[][] = [];
  const count = 1 + random.int(3);
  for (let step = 0; step < count; step++) {
    const isLast = step === count - 1;
    const parts: ModelPart[] = [];
    if (random.chance(0.4)) parts.push(...block(random, "reasoning", `r${step}`));
    if (isLast || random.chance(0.7)) parts.push(...block(random, "text", `t${step}`));
    if (!isLast) parts.push(...toolCall(random, `call-${step}`));
    parts.push(finish(isLast ? "stop" : "tool-calls"));
    steps.push(parts);
  }
  return steps;
}

/** Makes a step fail somewhere. */
export function breakSteps(random: Random, steps: (ModelPart | Error)[][]): void {
  const step = random.pick(steps);
  step.splice(random.int(step.length), Infinity, new Error("The model is overloaded."));
}

function block(random: Random, kind: "text" | "reasoning", id: string): ModelPart[] {
  const deltas = Array.from({ length: 1 + random.int(12) }, (): ModelPart => ({
    type: `${kind}-delta`,
    id,
    delta: random.pick(WORDS),
  }));
  return [{ type: `${kind}-start`, id }, ...deltas, { type: `${kind}-end`, id }];
}

function toolCall(random: Random, id: string): ModelPart[] {
  const input = JSON.stringify({ city: random.pick(["Oslo", "São Paulo", "東京"]) });
  const pieces = input.match(/.{1,5}/gu) ?? [];
  return [
    { type: "tool-input-start", id, toolName: "weather" },
    ...pieces.map((delta): ModelPart => ({ type: "tool-input-delta", id, delta })),
    { type: "tool-input-end", id },
    { type: "tool-call", toolCallId: id, toolName: "weather", input },
  ];
}
