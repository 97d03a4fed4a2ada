import { load } from "../support/load.ts";

// The blocks of docs/testing.md are tests.
for (const file of ["app.test.ts", "client.test.ts", "time.test.ts"]) await load("testing", file);
