import { describe, expect, test } from "vitest";
import { publicPackages, readJson, ROOT } from "../packages.ts";
import { isPlaceholder, publishFields, urlOfFile, withPublishFields } from "../publish-fields.ts";

describe.each(publicPackages())("$name", ({ manifest, directory }) => {
  test("repeats publish.json (`npx pnpm@12.21.0 manifests` copies it)", () => {
    expect(manifest).toEqual(withPublishFields(manifest, directory, publishFields()));
  });
});

test("all packages have the same version", () => {
  const versions = publicPackages().map(({ name, manifest }) => `${name} ${manifest.version}`);
  const version = publicPackages()[0]?.manifest.version;
  expect(versions.filter((text) => !text.endsWith(` ${version}`))).toEqual([]);
});

describe("the home of the project", () => {
  const fields = publishFields();
  const home = {
    ...fields,
    repository: "git+https://git.example.com/holdfast.git",
    homepage: "https://example.com/",
    bugs: "https://git.example.com/holdfast/issues",
  };

  test("is a placeholder as long as one of its addresses is in the domain .invalid", () => {
    expect(isPlaceholder(home)).toBe(false);
    expect(isPlaceholder({ ...home, bugs: fields.bugs.replace(/\/\/[^/]+/, "//bugs.invalid") })).toBe(true);
    expect(isPlaceholder({ ...home, repository: "git+https://home.invalid/holdfast.git" })).toBe(true);
  });

  test("has a page for each file", () => {
    expect(urlOfFile(home, "docs/guide.md")).toBe("https://git.example.com/holdfast/blob/HEAD/docs/guide.md");
  });

  test("is the same in publish.json and its licence in the root package.json", () => {
    expect(readJson<{ license: string }>(ROOT, "package.json").license).toBe(fields.license);
  });
});
