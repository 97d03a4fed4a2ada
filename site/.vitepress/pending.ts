/** Pages that are linked to already, and still to be written. */
export const pending: readonly string[] = [];

/** Pages with code for options that are still to come. */
export const ahead: readonly string[] = [];
