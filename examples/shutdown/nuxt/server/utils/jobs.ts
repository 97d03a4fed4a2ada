import { createRegistry } from "@holdfast/core";

export const jobs = createRegistry({
  async *source() {
    for (let data = 1; ; data++) {
      yield { event: "tick", data };
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
});
