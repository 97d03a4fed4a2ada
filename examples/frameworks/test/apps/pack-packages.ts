import type { TestProject } from "vitest/node";
import { createTemporaryFolder, packPackages } from "./install-app.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The packed packages, by name, as package.json refers to them. */
    tarballs: Record<string, string>;
  }
}

/** Packs our packages once for all apps. */
export default async function setUp(project: TestProject): Promise<() => void> {
  const folder = createTemporaryFolder();
  project.provide("tarballs", await packPackages(folder.path));
  return folder.remove;
}
