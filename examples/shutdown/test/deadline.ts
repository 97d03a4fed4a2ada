// Loaded into each server before its own code: a server that still runs 3 s after SIGTERM exits with 99. An interval,
// which fires once however late it is: a server that a busy machine does not let run gets more time.
process.once("SIGTERM", () => {
  let left = 30;
  setInterval(() => --left > 0 || process.exit(99), 100).unref();
});
