/** Which rows of a long list stand in the page: those in view, and a few around them. Pure. */

const AROUND = 4;

export interface Span {
  /** The first row, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** Rows to draw for a list of `count` rows of `height` pixels, scrolled to `top` in a box of `box` pixels. */
export function spanOf(count: number, height: number, top: number, box: number): Span {
  if (count === 0 || height <= 0) return { from: 0, to: 0 };
  const first = Math.min(Math.max(0, Math.floor(top / height)), count - 1);
  const last = Math.min(count, Math.ceil((Math.max(0, top) + box) / height));
  return { from: Math.max(0, first - AROUND), to: Math.min(count, Math.max(last, first + 1) + AROUND) };
}
