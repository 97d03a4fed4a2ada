import type { Locator, Page } from "playwright-core";

/** A part of a page that has this name. */
export const region = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });

export const click = (within: Page | Locator, name: string): Promise<void> =>
  within.getByRole("button", { name, exact: true }).click();

/** Waits until something in the panel is in a state. */
export const becomes = (panel: Locator, state: string): Promise<void> =>
  panel.locator(`[data-state="${state}"]`).waitFor();

/** Waits for a text. */
export const shows = (within: Page | Locator, text: RegExp): Promise<void> =>
  within.getByText(text).first().waitFor();
