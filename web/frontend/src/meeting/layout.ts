/** Where pictures go: sizes of a grid of 16:9 tiles, and which people stand on the page in view. */

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** Pixels, rounded down. */
  readonly width: number;
  readonly height: number;
}

/**
 * The arrangement of `count` tiles that shows them largest in a box of `width` × `height` pixels. One
 * with more columns is taken for `leniency` of the size: on a telephone two columns of nearly the same
 * size look better than one, and leave room below.
 */
export function fitGrid(width: number, height: number, count: number, gap: number, leniency = 1): Grid {
  const ratio = 16 / 9;
  let best: Grid = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(1, count); columns += 1) {
    const rows = Math.max(1, Math.ceil(count / columns));
    const byWidth = (width - gap * (columns - 1)) / columns;
    const byHeight = ((height - gap * (rows - 1)) / rows) * ratio;
    const tile = Math.floor(Math.min(byWidth, byHeight));
    if (tile > best.width * (count > 2 ? leniency : 1))
      best = { columns, rows, width: tile, height: Math.floor(tile / ratio) };
  }
  return best;
}

/** Most tiles that a box shows with faces still to be recognised; more go to further pages. */
export function capacity(width: number, height: number): number {
  const narrow = width < 600;
  const leastWidth = narrow ? 150 : 250;
  const columns = Math.max(1, Math.floor((width + 8) / (leastWidth + 8)));
  const rows = Math.max(1, Math.floor((height + 8) / ((leastWidth * 9) / 16 + 8)));
  return Math.max(1, Math.min(columns * rows, narrow ? 8 : width < 1600 ? 9 : 16));
}

/**
 * Keeps an order of tiles that does not jump. Newcomers go to the end; who leaves makes room. Someone
 * who speaks from a later page takes the place, on the first page, of the one there who has been silent
 * longest, and nobody else moves.
 */
export class TileOrder {
  private order: string[] = [];
  private readonly lastSpoke = new Map<string, number>();

  /** `present` in order of joining; `speaking` now; `pageSize` tiles on the first page. */
  update(
    present: readonly string[],
    speaking: readonly string[],
    pageSize: number,
    now: number,
  ): readonly string[] {
    const here = new Set(present);
    const kept = this.order.filter((identity) => here.has(identity));
    const known = new Set(kept);
    this.order = [...kept, ...present.filter((identity) => !known.has(identity))];
    for (const identity of this.lastSpoke.keys()) if (!here.has(identity)) this.lastSpoke.delete(identity);
    const talkers = speaking.filter((identity) => here.has(identity));
    for (const identity of talkers) this.lastSpoke.set(identity, now);
    for (const identity of talkers) this.promote(identity, pageSize);
    return this.order;
  }

  private promote(identity: string, pageSize: number): void {
    const from = this.order.indexOf(identity);
    if (from < pageSize) return;
    let quietest = -1;
    let quietSince = Infinity;
    for (let place = 0; place < pageSize; place += 1) {
      const spoke = this.lastSpoke.get(this.order[place] ?? "") ?? -1;
      // Of those who never spoke the last on the page gives way, so the first ones stay put.
      if (spoke < quietSince || (spoke === quietSince && spoke === -1))
        [quietest, quietSince] = [place, spoke];
    }
    const other = this.order[quietest];
    if (other === undefined) return;
    this.order[quietest] = identity;
    this.order[from] = other;
  }
}

/** The slice of page `page` (0 is the first), with the page brought into range. */
export function pageOf<T>(
  all: readonly T[],
  size: number,
  page: number,
): { page: number; pages: number; shown: readonly T[] } {
  const pages = Math.max(1, Math.ceil(all.length / Math.max(1, size)));
  const current = Math.min(Math.max(0, page), pages - 1);
  return { page: current, pages, shown: all.slice(current * size, (current + 1) * size) };
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Arrangement {
  /** The shared screen, if there is one. */
  readonly stage: Rect | null;
  readonly tiles: readonly Rect[];
  readonly self: Rect;
}

const GAP = 8;
const RATIO = 16 / 9;

/** True if a shared screen and its strip stand side by side rather than one above the other. */
function sideBySide(width: number, height: number): boolean {
  return width >= 600 && width > height * 1.15;
}

function stripWidth(width: number): number {
  return Math.round(Math.min(260, Math.max(160, width * 0.17)));
}

/** How many tiles of others stand beside a shared screen. */
export function stripCapacity(width: number, height: number): number {
  if (!sideBySide(width, height)) {
    const tile = (width - GAP) / 2 / RATIO + GAP;
    const rows = Math.floor((height - width / RATIO) / tile);
    return Math.min(7, Math.max(1, rows * 2 - 1));
  }
  const tile = stripWidth(width) / RATIO;
  return Math.max(1, Math.floor((height + GAP) / (tile + GAP)) - 1);
}

/** Places `count` tiles, our own small one and, with `stage`, a shared screen in a box of pixels. */
export function arrange(width: number, height: number, count: number, stage: boolean): Arrangement {
  return stage ? arrangeStage(width, height, count) : arrangeGrid(width, height, count);
}

function arrangeGrid(width: number, height: number, count: number): Arrangement {
  const grid = fitGrid(width, height, count, GAP, width < 600 ? 0.85 : 1);
  const own = Math.round(Math.min(220, Math.max(112, width * 0.14)));
  const ownHeight = Math.round(own / RATIO);
  // Where there is room beside or below the grid, our own tile gets it, and covers nobody.
  const [spareWidth, spareHeight] = [
    width - grid.columns * (grid.width + GAP) + GAP,
    height - grid.rows * (grid.height + GAP) + GAP,
  ];
  const beside = spareWidth >= own + 2 * GAP;
  const below = !beside && spareHeight >= ownHeight + 2 * GAP;
  const shift = beside ? Math.max(0, own + 2 * GAP - spareWidth / 2) : 0;
  const top = below ? Math.min(spareHeight / 2, spareHeight - ownHeight - 2 * GAP) : spareHeight / 2;
  const tiles = Array.from({ length: count }, (_, index): Rect => {
    const row = Math.floor(index / grid.columns);
    const inRow = Math.min(grid.columns, count - row * grid.columns);
    const left = (width - inRow * grid.width - (inRow - 1) * GAP) / 2 - shift;
    return {
      x: Math.round(left + (index % grid.columns) * (grid.width + GAP)),
      y: Math.round(top + row * (grid.height + GAP)),
      width: grid.width,
      height: grid.height,
    };
  });
  return {
    stage: null,
    tiles,
    self: { x: width - own - GAP, y: height - ownHeight - GAP, width: own, height: ownHeight },
  };
}

function arrangeStage(width: number, height: number, count: number): Arrangement {
  if (sideBySide(width, height)) {
    const strip = stripWidth(width);
    const tile = Math.round(strip / RATIO);
    const at = (place: number): Rect => ({
      x: width - strip,
      y: place * (tile + GAP),
      width: strip,
      height: tile,
    });
    return {
      stage: { x: 0, y: 0, width: width - strip - GAP, height },
      tiles: Array.from({ length: count }, (_, index) => at(index + 1)),
      self: at(0),
    };
  }
  const tileWidth = Math.floor((width - GAP) / 2);
  const tileHeight = Math.round(tileWidth / RATIO);
  const rows = Math.ceil((count + 1) / 2);
  const below = rows * (tileHeight + GAP);
  const stageHeight = Math.max(120, Math.min(height - below, Math.round(width * 0.75)));
  const at = (place: number): Rect => ({
    x: (place % 2) * (tileWidth + GAP),
    y: stageHeight + GAP + Math.floor(place / 2) * (tileHeight + GAP),
    width: tileWidth,
    height: tileHeight,
  });
  return {
    stage: { x: 0, y: 0, width, height: stageHeight },
    tiles: Array.from({ length: count }, (_, index) => at(index + 1)),
    self: at(0),
  };
}
