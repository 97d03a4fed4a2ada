import type { View } from "./view.ts";

/** The page of a build. Its id must not have characters that mean something in HTML. */
export function pageOf(title: string, view: View, id: string): string {
  return layout(title, view.body(`/${title}/builds/${id}/events`), view.head);
}

/** A page with a button for each library. */
export function startPage(titles: readonly string[]): string {
  const buttons = titles.map((title) => `<button formaction="/${title}/builds">${title}</button>`);
  return layout("A build, as HTML", `<form method="post">${buttons.join("\n")}</form>`);
}

function layout(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${title}</title>
    <link rel="icon" href="/icon.svg" />
    <link rel="stylesheet" href="/style.css" />
    ${head}
  </head>
  <body>
    <header><h1>${title}</h1></header>
    <main>${body}</main>
  </body>
</html>
`;
}
