/** How long the suites wait for a condition before a test fails, in ms. The tests of this repository change it. */
export const deadline = { ms: 10_000 };
