import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseDocument } from "yaml";
import { readJson, ROOT } from "../packages.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly uses?: string;
  readonly "runs-on"?: string;
  readonly needs?: string | readonly string[];
  readonly strategy?: { readonly matrix: Readonly<Record<string, unknown>> };
  readonly "timeout-minutes"?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface IssueForm {
  readonly name: string;
  readonly description: string;
  readonly body: readonly { readonly type: string; readonly id?: string }[];
}

const { scripts } = readJson<{ scripts: Record<string, string> }>(ROOT, "package.json");

function parse(file: string): unknown {
  const document = parseDocument(readFileSync(join(ROOT, file), "utf8"), { strict: true, uniqueKeys: true });
  expect([...document.errors, ...document.warnings]).toEqual([]);
  return document.toJS();
}

const files = (pattern: string): string[] =>
  globSync(pattern, { cwd: ROOT }).map((file) => file.replaceAll("\\", "/"));

/** Every command line of a workflow: those of its steps, and those that it hands to the changesets action. */
function commandsOf({ jobs }: Workflow): string[] {
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);
  return steps
    .flatMap((step) => [step.run, step.with?.version, step.with?.publish])
    .filter((command) => typeof command === "string")
    .flatMap((command) => command.split(/\n|&&/).map((line) => line.trim()))
    .filter((line) => line !== "");
}

/** What is wrong with a command of the repository; other programs are not checked. */
function problemOf(command: string): string | undefined {
  const [program = "", ...args] = command.split(/\s+/);
  switch (program) {
    case "npm": {
      const script = args[0] === "run" ? args[1] : args[0];
      return script !== undefined && script in scripts ? undefined : "no such script";
    }
    case "npx": {
      const [, pnpm = "", ...rest] = args;
      if (!scripts.test?.includes(pnpm)) return "another pnpm than that of `npm test`";
      if (rest[0] === "install") return undefined;
      return rest[0] === "run" && rest[1] !== undefined && rest[1] in scripts ? undefined : "no such script";
    }
    case "bash":
      return existsSync(join(ROOT, args[0] ?? "")) ? undefined : "no such file";
    case "node": {
      const [file = "", , , project = ""] = args;
      if (!file.startsWith("node_modules/vitest/"))
        return existsSync(join(ROOT, file)) ? undefined : "no such file";
      const known = readFileSync(join(ROOT, "vitest.workspace.ts"), "utf8");
      return known.includes(JSON.stringify(project)) ? undefined : "no such project";
    }
    default:
      return undefined;
  }
}

describe.each(files(".github/workflows/*.yml"))("the workflow %s", (file) => {
  const workflow = parse(file) as Workflow;
  const jobs = Object.entries(workflow.jobs);
  const text = readFileSync(join(ROOT, file), "utf8");

  test("has triggers, and no more permissions than it names", () => {
    expect(Object.keys(workflow.on)).not.toEqual([]);
    expect(workflow.permissions).toEqual({ contents: "read" });
  });

  test.each(jobs)("the job %s has steps on a runner, a time limit, or another workflow", (_name, job) => {
    if (job.uses !== undefined) return expect(existsSync(join(ROOT, job.uses))).toBe(true);
    expect(job["runs-on"]).toBeTypeOf("string");
    expect(job["timeout-minutes"]).toBeTypeOf("number");
    for (const step of job.steps ?? []) expect([step.uses, step.run].filter(Boolean)).toHaveLength(1);
    for (const needed of [job.needs ?? []].flat()) expect(workflow.jobs).toHaveProperty(needed);
  });

  test("pins its actions by their major version", () => {
    const actions = jobs.flatMap(([, job]) => (job.steps ?? []).flatMap(({ uses }) => uses ?? []));
    expect(actions.filter((action) => !/^[\w-]+\/[\w-]+@v\d+$/.test(action))).toEqual([]);
  });

  test("uses only axes that its matrix has", () => {
    const axes = jobs.flatMap(([, job]) => Object.keys(job.strategy?.matrix ?? {}));
    const used = [...text.matchAll(/\$\{\{[^}]*\bmatrix\.(\w+)/g)].map(([, axis]) => axis);
    expect(used.filter((axis) => !axes.includes(axis ?? ""))).toEqual([]);
  });

  test("runs only what exists", () => {
    const problems = commandsOf(workflow).map((command) => [command, problemOf(command)]);
    expect(problems.filter(([, problem]) => problem !== undefined)).toEqual([]);
  });
});

test("the release workflow checks that the project has a home before it publishes, with provenance", () => {
  const { jobs } = parse(".github/workflows/release.yml") as Workflow;
  const { permissions, needs, steps = [] } = jobs.release ?? {};
  expect(permissions).toMatchObject({ "id-token": "write" });
  expect(needs).toBe("ci");
  const check = steps.findIndex(({ run }) => run?.endsWith(" release:check"));
  const publish = steps.findIndex((step) => step.with?.publish !== undefined);
  expect(check).toBeGreaterThan(-1);
  expect(publish).toBeGreaterThan(check);
  expect(steps[publish]).toMatchObject({ env: { NPM_CONFIG_PROVENANCE: "true" } });
});

test.each(files(".github/ISSUE_TEMPLATE/*.yml").filter((file) => !file.endsWith("/config.yml")))(
  "the issue form %s has a name and fields with ids of their own",
  (file) => {
    const { name, description, body } = parse(file) as IssueForm;
    expect([name, description].every(Boolean)).toBe(true);
    const ids = body.filter(({ type }) => type !== "markdown").map(({ id }) => id);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
  },
);

test("the chooser of issue forms is valid YAML", () => {
  expect(parse(".github/ISSUE_TEMPLATE/config.yml")).toEqual({ blank_issues_enabled: false });
});
