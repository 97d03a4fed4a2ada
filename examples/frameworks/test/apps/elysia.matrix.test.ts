import { testApp } from "./test-app.ts";

testApp("elysia", { changes: "src/jobs.ts" });
