/** What publish.json says of all packages, and how each package.json repeats it. */
import { type Manifest, readJson, ROOT } from "./packages.ts";

export interface PublishFields {
  readonly repository: string;
  readonly homepage: string;
  readonly bugs: string;
  readonly author: string;
  readonly license: string;
  readonly keywords: readonly string[];
}

export const publishFields = (): PublishFields => readJson<PublishFields>(ROOT, "publish.json");

/** Nobody can publish from, or follow a link to, a host under this domain: RFC 2606 reserves it. */
const PLACEHOLDER = /^[^/]*:\/\/[^/]*\.invalid(?=\/)/;

/** Whether the home of the project is not known yet. */
export function isPlaceholder({ repository, homepage, bugs }: PublishFields): boolean {
  return [repository, homepage, bugs].some((url) => PLACEHOLDER.test(url));
}

/** Where people read a file of the repository; `path` is relative to its root. */
export function urlOfFile({ repository }: PublishFields, path: string): string {
  return `${repository.replace(/^git\+/, "").replace(/\.git$/, "")}/blob/HEAD/${path}`;
}

const sorted = (keywords: readonly string[]): string[] => [...new Set(keywords)].toSorted();

/** The manifest with these fields. The package keeps its own keywords beside the common ones. */
export function withPublishFields<T extends Manifest>(
  manifest: T,
  directory: string,
  fields: PublishFields,
): T & PublishFieldsOfPackage {
  const { repository, homepage, bugs, author, license, keywords } = fields;
  return {
    ...manifest,
    keywords: sorted([...keywords, ...(manifest.keywords ?? [])]),
    homepage,
    bugs,
    license,
    author,
    repository: { type: "git", url: repository, directory },
    scripts: {
      ...manifest.scripts,
      // `release` packs with absolute links, and knows whether there is a home.
      prepublishOnly: "echo Publish with: npx pnpm@12.21.0 release && exit 1",
    },
  };
}

interface PublishFieldsOfPackage extends Omit<PublishFields, "repository"> {
  readonly repository: { readonly type: "git"; readonly url: string; readonly directory: string };
}
