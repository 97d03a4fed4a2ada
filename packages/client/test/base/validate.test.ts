import { expect, test } from "vitest";
import { validate, validateOneOf } from "../../src/base/validate.ts";

test("a valid value passes", () => {
  validate(true, "retries", "a number", 3);
  validateOneOf("method", "GET", "GET|POST");
});

test("an invalid value is a TypeError that names the option, what was expected and what was given", () => {
  expect(() => validate(false, "retries", "a number", "three")).toThrow(
    new TypeError("`retries` must be a number, got three."),
  );
  expect(() => validateOneOf("method", "PUT", "GET|POST")).toThrow(
    new TypeError("`method` must be GET|POST, got PUT."),
  );
});
