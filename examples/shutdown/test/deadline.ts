// Loaded into each server before its own code: a server that still runs 3 s after SIGTERM exits with 99. The timer is
// in the server because its timers expire in order, also on a machine that is so busy that all of them are late.
process.once("SIGTERM", () => setTimeout(() => process.exit(99), 3_000).unref());
