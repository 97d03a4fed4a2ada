import { testApp } from "./test-app.ts";

testApp("nitro", { changes: "utils/jobs.ts" });
