/** The command line is wrong. Its message is for the user. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
