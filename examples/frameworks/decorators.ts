import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { transformSync } from "esbuild";

/** Lets Node load the file with NestJS's decorators, which are not those of JavaScript. A NestJS project has a build. */
registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith("/nestjs.ts")) return nextLoad(url, context);
    const { code } = transformSync(readFileSync(new URL(url), "utf8"), {
      loader: "ts",
      tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    });
    return { format: "module", source: code, shortCircuit: true };
  },
});
