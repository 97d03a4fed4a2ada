import { testApp } from "./test-app.ts";

testApp("nuxt", {
  changes: "server/utils/jobs.ts",
  losesRegistry: "The development server of Nuxt starts a new worker thread after each change.",
});
