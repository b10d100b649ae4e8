import { describe, expect, it } from "vitest";
import {
  arrange,
  capacity,
  fitGrid,
  pageOf,
  stripCapacity,
  TileOrder,
  type Rect,
} from "../src/meeting/layout";

const BOXES = [
  [1342, 672],
  [974, 672],
  [374, 730],
  [374, 420],
  [1896, 960],
  [740, 300],
] as const;

const overlap = (a: Rect, b: Rect): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

describe("arrange", () => {
  it.each(BOXES)("keeps all tiles of %i × %i inside the box and apart", (width, height) => {
    for (const stage of [false, true]) {
      const most = stage ? stripCapacity(width, height) : capacity(width, height);
      for (let count = 0; count <= most; count += 1) {
        const { tiles, self, stage: screen } = arrange(width, height, count, stage);
        expect(tiles).toHaveLength(count);
        const all = [...tiles, ...(stage ? [self] : []), ...(screen === null ? [] : [screen])];
        for (const [index, rect] of all.entries()) {
          expect(rect.x).toBeGreaterThanOrEqual(0);
          expect(rect.y).toBeGreaterThanOrEqual(0);
          expect(rect.x + rect.width).toBeLessThanOrEqual(width + 1);
          // Beside a shared screen on a low box the strip may run out below; nothing else does.
          if (!stage) expect(rect.y + rect.height).toBeLessThanOrEqual(height + 1);
          for (const other of all.slice(index + 1)) expect(overlap(rect, other)).toBe(false);
        }
      }
    }
  });

  it("gives our own tile room of its own where there is some", () => {
    const { tiles, self } = arrange(1342, 672, 6, false);
    expect(tiles.some((rect) => overlap(rect, self))).toBe(false);
  });

  it("uses two columns on a telephone", () => {
    expect(new Set(arrange(374, 730, 6, false).tiles.map((rect) => rect.x)).size).toBe(2);
  });

  it("makes the screen by far the largest", () => {
    const { stage, tiles } = arrange(1342, 672, 4, true);
    const area = (rect: Rect | null | undefined): number => (rect ? rect.width * rect.height : 0);
    expect(area(stage)).toBeGreaterThan(10 * area(tiles[0]));
  });
});

describe("fitGrid", () => {
  it.each([
    [1342, 672, 1, 1],
    [1342, 672, 2, 2],
    [1342, 672, 6, 3],
    [1342, 672, 9, 3],
    [374, 730, 2, 1],
  ])("%i × %i holds %i in %i columns", (width, height, count, columns) => {
    expect(fitGrid(width, height, count, 8).columns).toBe(columns);
  });
});

describe("pages", () => {
  it("hold sixteen at most on a large screen and eight on a telephone", () => {
    expect(capacity(1896, 960)).toBe(16);
    expect(capacity(1342, 672)).toBe(9);
    expect(capacity(374, 730)).toBe(8);
    expect(capacity(10, 10)).toBe(1);
  });

  it("stay in range when people leave", () => {
    const all = Array.from({ length: 20 }, (_, index) => index);
    expect(pageOf(all, 9, 2)).toEqual({ page: 2, pages: 3, shown: [18, 19] });
    expect(pageOf(all.slice(0, 9), 9, 2)).toMatchObject({ page: 0, pages: 1 });
    expect(pageOf([], 9, 0)).toEqual({ page: 0, pages: 1, shown: [] });
  });
});

describe("TileOrder", () => {
  it("keeps its order, adds newcomers at the end and closes gaps", () => {
    const order = new TileOrder();
    order.update(["a", "b", "c"], [], 9, 0);
    expect(order.update(["d", "c", "a"], [], 9, 1)).toEqual(["a", "c", "d"]);
  });

  it("brings a speaker to the first page in place of who is silent longest, and moves nobody else", () => {
    const order = new TileOrder();
    const all = ["a", "b", "c", "d", "e"];
    order.update(all, ["a"], 3, 10);
    order.update(all, ["c"], 3, 20);
    expect(order.update(all, ["e"], 3, 30)).toEqual(["a", "e", "c", "d", "b"]);
    expect(order.update(all, ["d"], 3, 40)).toEqual(["d", "e", "c", "a", "b"]);
  });

  it("does nothing for a speaker who is in view", () => {
    const order = new TileOrder();
    expect(order.update(["a", "b"], ["b"], 2, 1)).toEqual(["a", "b"]);
  });
});
