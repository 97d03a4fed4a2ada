import { testApp } from "./test-app.ts";

testApp("sveltekit", { changes: "src/lib/jobs.ts" });
