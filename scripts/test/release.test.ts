import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../packages.ts";
import { isPlaceholder, publishFields } from "../publish-fields.ts";

test.runIf(isPlaceholder(publishFields()))("nothing is published while the project has no home", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/release.ts")], {
    encoding: "utf8",
    env: { ...process.env, npm_config_registry: "https://registry.invalid/" },
  });
  expect(stderr).toContain("publish.json has no home yet");
  expect(status).toBe(1);
});
