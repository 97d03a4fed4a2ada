// Version 1.0 of Datastar is not on npm. This teaches the newest version there, a beta, what the example needs of 1.0:
// `data-init`, and `datastar-patch-elements` in two of its modes. How it reads a stream is the same in both.
import { load } from "@starfederation/datastar/bundles/datastar";
import type { AttributePlugin, WatcherPlugin } from "@starfederation/datastar/types";

const init: AttributePlugin = {
  type: 1,
  name: "init",
  onLoad({ genRX }) {
    const run = genRX();
    queueMicrotask(() => run());
    return () => {};
  },
};

const patchElements: WatcherPlugin = {
  type: 2,
  name: "datastar-patch-elements",
  onGlobalInit: () => document.addEventListener("datastar-sse", patch as EventListener),
};

load(init, patchElements);

interface Patch {
  readonly type: string;
  readonly argsRaw: Readonly<Record<string, string>>;
}

function patch({ detail: { type, argsRaw } }: CustomEvent<Patch>): void {
  if (type !== "datastar-patch-elements") return;
  const { selector, mode = "outer", elements = "" } = argsRaw;
  const template = document.createElement("template");
  template.innerHTML = elements;
  for (const element of template.content.children) {
    const target = document.querySelector(selector ?? `#${element.id}`);
    if (mode === "append") target?.append(element);
    else target?.replaceWith(element);
  }
}
