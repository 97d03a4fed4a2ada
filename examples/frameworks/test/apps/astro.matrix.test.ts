import { testApp } from "./test-app.ts";

testApp("astro", { changes: "src/jobs.ts" });
