import { testApp } from "./test-app.ts";

testApp("next", { changes: "jobs.ts" });
