import { deadline } from "../../src/wire/deadline.ts";

// A busy machine may be slow: a wait fails only when something hangs.
deadline.ms = 100_000;
