import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { transformSync } from "esbuild";

/** Compiles the decorators of NestJS on load: Node cannot run them, and this example has no build. */
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
