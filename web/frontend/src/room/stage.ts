/** The pictures: a main screen with who matters beside it, or a page of all. */
import { arrange, capacity, pageOf, stripCapacity, TileOrder } from "../meeting/layout";
import type { Person } from "../meeting/people";
import { fill, h, set, write } from "../ui/dom";
import { icon } from "../ui/icons";
import type { View } from "../ui/page";
import { place, ScreenTile, Tile } from "../ui/tile";
import { told, t } from "../ui/words";
import { focusOf, memberOf } from "./focus";
import type { RoomPage } from "./shared";

export interface Stage extends View {
  /** Whether all pictures are paged through instead of the main screen. */
  grid: boolean;
}

interface Placed {
  readonly tile: Tile;
  readonly mark: HTMLElement;
}

export function stage(shared: RoomPage): Stage {
  const { meeting } = shared.page;
  const { room } = shared;
  const box = h("div", { class: "tiles", "data-testid": "tiles" });
  const empty = h("div", { class: "stage-empty" });
  const position = h("span", { class: "pager-position", "aria-live": "polite" });
  const turn = (step: number): void => {
    wanted += step;
    update();
  };
  const arrow = (name: "previous" | "next", step: number): HTMLButtonElement =>
    h(
      "button",
      {
        type: "button",
        class: "button button-quiet",
        "data-testid": `page-${name}`,
        onclick: () => turn(step),
      },
      icon(name),
      h("span", {}, t(`page.${name}`)),
    );
  const previous = arrow("previous", -1);
  const next = arrow("next", 1);
  const pager = h("nav", { class: "pager", "aria-label": t("pager.label"), "data-testid": "pager" });
  pager.append(previous, position, next);
  const sound = h(
    "div",
    { class: "sound-blocked", "data-testid": "sound-blocked" },
    h(
      "button",
      {
        type: "button",
        class: "button button-main button-huge",
        "data-testid": "turn-on-sound",
        onclick: () => void meeting.startSound(),
      },
      icon("sound"),
      t("bar.sound"),
    ),
    told("sound.blocked"),
  );
  const element = h("main", { class: "stage", "data-testid": "stage" }, box, empty, pager, sound);

  const order = new TileOrder();
  const tiles = new Map<string, Placed>();
  let screen: ScreenTile | null = null;
  let wanted = 0;
  let drawn = "";

  const tileFor = (person: Person): Placed => {
    let placed = tiles.get(person.identity);
    if (placed === undefined) {
      const mark = h("span", { class: "tile-mark" });
      placed = { tile: new Tile(meeting, person.identity, person.local), mark };
      placed.tile.element.append(mark);
      tiles.set(person.identity, placed);
      // Never moved afterwards: a video element that changes its place in the document stops playing.
      box.append(placed.tile.element);
    }
    placed.tile.update(person);
    drawMark(placed, person);
    return placed;
  };

  const drawMark = ({ tile, mark }: Placed, person: Person): void => {
    const entry = shared.roster.get(memberOf(person.identity));
    const state = entry?.hasFloor === true ? "floor" : entry !== undefined && entry.order > 0 ? "hand" : "";
    const words =
      state === "floor"
        ? t("room.state.floor")
        : state === "hand"
          ? t("room.state.order", { place: entry?.order ?? 0 })
          : entry?.role === "chair"
            ? t("room.role.chair")
            : "";
    if (mark.dataset["words"] === words) return;
    mark.dataset["words"] = words;
    set(tile.element, "data-mark", state === "" ? null : state);
    if (words === "") fill(mark);
    else
      fill(
        mark,
        icon(state === "hand" ? "hand" : state === "floor" ? "sound" : "lead"),
        h("span", {}, words),
      );
  };

  const drawScreen = (sharer: Person | undefined): void => {
    if (sharer === undefined) {
      screen?.destroy();
      screen = null;
      return;
    }
    if (screen === null) {
      screen = new ScreenTile(meeting);
      box.append(screen.element);
    }
    screen.update(sharer);
  };

  const drawEmpty = (shown: number): void => {
    const { life } = meeting.store.get();
    const state = shown > 0 ? "" : life.phase === "joining" && !life.again ? "connecting" : "alone";
    if (drawn === state) return;
    drawn = state;
    set(empty, "data-state", state);
    if (state === "") fill(empty);
    else if (state === "connecting")
      fill(empty, h("span", { class: "spinner", "aria-hidden": "true" }), told("connection.connecting"));
    else fill(empty, icon("people"), told("stage.alone"));
  };

  function update(): void {
    const state = meeting.store.get();
    const { clientWidth: width, clientHeight: height } = box;
    if (width === 0 || height === 0) return;
    const people = [...state.people.values()];
    const own = people.find((person) => person.local);
    const others = people
      .filter((person) => !person.local)
      .sort((a, b) => a.joinedAt - b.joinedAt || (a.identity < b.identity ? -1 : 1));
    const focus = focusOf(state.people, shared.roster, shared.floor, room.store.get().preview);
    const main = view.grid ? null : focus.main;
    const strip = main === null ? others.map((person) => person.identity) : focus.strip;
    const size = main === null ? capacity(width, height) : stripCapacity(width, height);
    const sequence = main === null ? order.update(strip, state.speakers, size, performance.now()) : strip;
    const paged = pageOf(sequence, size, wanted);
    wanted = paged.page;

    const mainPerson = main === null ? undefined : state.people.get(main.identity);
    const mainTile = main?.kind === "camera" ? mainPerson : undefined;
    const keep = new Set([
      ...paged.shown,
      ...(own === undefined ? [] : [own.identity]),
      ...(mainTile === undefined ? [] : [mainTile.identity]),
    ]);
    for (const [identity, { tile }] of tiles) {
      if (keep.has(identity)) continue;
      tile.destroy();
      tiles.delete(identity);
    }
    const layout = arrange(width, height, paged.shown.length, main !== null);
    paged.shown.forEach((identity, index) => {
      const person = state.people.get(identity);
      const rect = layout.tiles[index];
      if (person === undefined || rect === undefined) return;
      const { tile } = tileFor(person);
      set(tile.element, "data-main", null);
      place(tile.element, rect);
    });
    if (own !== undefined) place(tileFor(own).tile.element, layout.self);
    if (mainTile !== undefined && layout.stage !== null) {
      const { tile } = tileFor(mainTile);
      set(tile.element, "data-main", true);
      place(tile.element, layout.stage);
    }
    drawScreen(main?.kind === "screen" ? mainPerson : undefined);
    if (screen !== null && layout.stage !== null) place(screen.element, layout.stage);
    set(element, "data-mode", main === null ? "grid" : "main");
    set(element, "data-main", main?.identity);

    pager.hidden = paged.pages <= 1;
    previous.disabled = paged.page === 0;
    next.disabled = paged.page === paged.pages - 1;
    write(position, t("page.position", { page: paged.page + 1, pages: paged.pages }));
    sound.hidden = !state.soundBlocked;
    drawEmpty(others.length);
    meeting.show(
      new Set([
        ...paged.shown.map((identity) => `${identity}/camera`),
        ...(main === null ? [] : [`${main.identity}/${main.kind}`]),
      ]),
    );
  }

  const observer = new ResizeObserver(() => update());
  observer.observe(box);
  const view: Stage = {
    element,
    grid: false,
    update,
    destroy: () => {
      observer.disconnect();
      for (const { tile } of tiles.values()) tile.destroy();
      screen?.destroy();
    },
  };
  return view;
}
