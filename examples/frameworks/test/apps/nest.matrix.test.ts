import { testApp } from "./test-app.ts";

testApp("nest", {
  losesRegistry: "`nest start --watch` starts a new process after each change.",
});
