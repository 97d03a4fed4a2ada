import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { findOrInstall } from "../../common/test/find-or-install.ts";
import { serveApp } from "./serve-app.ts";
import { tempFolder } from "./temp-folder.ts";

const docs = readFileSync(join(import.meta.dirname, "../../../docs/monitoring.md"), "utf8");
const [, rules = ""] = /^```yaml\n(.*?)^```$/ms.exec(docs) ?? [];
const ALERTS = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

const prometheus = findOrInstall("prometheus");

/** Runs Prometheus' own checker in a folder that has the alerts of docs/monitoring.md, and returns what it prints. */
function promtool(args: readonly string[], { files = {}, input = "" }): { ok: boolean; output: string } {
  const cwd = tempFolder({ "alerts.yml": rules, ...files });
  const command = join(dirname(prometheus ?? ""), "promtool");
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, input, encoding: "utf8" });
  return { ok: status === 0, output: stdout + stderr };
}

/** A counter, or with a step of 0 a gauge, from minute to minute for an hour. */
const series = (name: string, labels: string, start: number, step: number): string =>
  `      - { series: 'holdfast_${name}{job="chat",instance="1"${labels}}', values: '${start}+${step}x60' }`;

/** A test for promtool: with these series, these alerts fire after 45 minutes. */
const ruleTest = (inputs: readonly string[], firing: readonly string[]): string => `
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
${inputs.join("\n")}
    promql_expr_test:
      - expr: count by (alertname) (ALERTS{alertstate="firing"})
        eval_time: 45m
        exp_samples: [${firing.map((name) => `{ labels: '{alertname="${name}"}', value: 1 }`).join()}]
`;

const HEALTHY = [
  series("failures_total", `,holdfast_failure_stage="store"`, 3, 0),
  series("stream_ended_total", `,holdfast_end_status="done"`, 0, 60),
  series("stream_ended_total", `,holdfast_end_status="failed"`, 0, 1),
  series("connection_resets_total", `,holdfast_reset_reason="epoch"`, 0, 1),
  series("connection_closed_total", `,holdfast_close_reason="ended"`, 0, 60),
  series("connection_closed_total", `,holdfast_close_reason="zombie"`, 0, 1),
  series("connection_opened_total", "", 0, 60),
  series("registry_connections", "", 1_000, 0),
  series("registry_bytes", "", 100_000_000, 0),
];

const SICK = [
  series("failures_total", `,holdfast_failure_stage="store"`, 0, 1),
  series("stream_ended_total", `,holdfast_end_status="done"`, 0, 60),
  series("stream_ended_total", `,holdfast_end_status="lost"`, 0, 10),
  series("connection_resets_total", `,holdfast_reset_reason="trimmed"`, 0, 1),
  series("connection_closed_total", `,holdfast_close_reason="busy"`, 0, 10),
  series("connection_closed_total", `,holdfast_close_reason="overflow"`, 0, 10),
  series("connection_opened_total", "", 0, 3_000),
  series("registry_connections", "", 1_000, 0),
  series("registry_bytes", "", 260_000_000, 0),
];

describe.skipIf(prometheus === undefined)("in Prometheus", () => {
  test("the alerts of the page are valid", () => {
    expect(promtool(["check", "rules", "alerts.yml"], {})).toMatchObject({
      ok: true,
      output: expect.stringContaining(`SUCCESS: ${ALERTS.length} rules found`),
    });
  });

  test.for([
    ["none of them fires on a good day", HEALTHY, []],
    ["each of them fires on a bad day", SICK, ALERTS],
  ] as const)("%s", ([, inputs, firing]) => {
    const files = { "test.yml": ruleTest(inputs, firing) };
    expect(promtool(["test", "rules", "test.yml"], { files })).toMatchObject({ ok: true });
  });

  test("the metrics of the demo are valid", async () => {
    const { url } = await serveApp({ root: tempFolder() });
    const input = await (await fetch(`${url}/metrics`)).text();
    expect(promtool(["check", "metrics"], { input })).toEqual({ ok: true, output: "" });
  });
});
