import { testApp } from "./test-app.ts";

testApp("react-router", { changes: "app/jobs.ts" });
