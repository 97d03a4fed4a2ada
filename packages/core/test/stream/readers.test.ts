import { expect, test, vi } from "vitest";
import { Readers } from "../../src/stream/readers.ts";

const createReader = (): { wake: ReturnType<typeof vi.fn<() => void>> } => ({ wake: vi.fn<() => void>() });

test("one reader and many are counted, listed and woken alike, the oldest first", () => {
  const readers = new Readers();
  const all = [createReader(), createReader(), createReader()] as const;
  expect([readers.size, readers.list(), readers.has(all[0])]).toEqual([0, [], false]);
  for (const [index, reader] of all.entries()) {
    readers.add(reader);
    readers.add(reader);
    expect([readers.size, readers.list(), readers.has(reader)]).toEqual([
      index + 1,
      all.slice(0, index + 1),
      true,
    ]);
    readers.wake();
  }
  expect(all.map(({ wake }) => wake.mock.calls.length)).toEqual([3, 2, 1]);
  expect(all.map((reader) => readers.delete(reader))).toEqual([true, true, true]);
  expect([readers.size, readers.delete(all[0])]).toEqual([0, false]);
  readers.add(all[1]);
  expect([readers.size, readers.delete(all[0]), readers.delete(all[1]), readers.size]).toEqual([
    1,
    false,
    true,
    0,
  ]);
});

test("readers may leave while they are woken", () => {
  const readers = new Readers();
  const [first, second] = [createReader(), createReader()];
  first.wake.mockImplementation(() => void [first, second].map((reader) => readers.delete(reader)));
  readers.add(first);
  readers.add(second);
  readers.wake();
  expect([readers.size, second.wake.mock.calls.length]).toEqual([0, 0]);
});
