/**
 * How long the suites wait for a condition before a test fails, in ms. It is long because a busy machine may be slow. A
 * test that expects to wait in vain makes it shorter.
 */
export const deadline = { ms: 30_000 };
