/** The middle of the meeting: tiles in a grid, or a shared screen with a strip of tiles; pages of them. */
import { arrange, capacity, pageOf, stripCapacity, TileOrder } from "../meeting/layout";
import type { Person } from "../meeting/people";
import { fill, h, set, write } from "./dom";
import { icon } from "./icons";
import type { Page, View } from "./page";
import { place, ScreenTile, Tile } from "./tile";
import { told, t } from "./words";

export function stage(page: Page): View {
  const { meeting } = page;
  const box = h("div", { class: "tiles", "data-testid": "tiles" });
  const alone = h("div", { class: "stage-empty" });
  const position = h("span", { class: "pager-position", "aria-live": "polite" });
  const turn = (step: number): void => {
    wanted = current + step;
    update();
  };
  const button = (name: "previous" | "next", step: number): HTMLButtonElement =>
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
  const previous = button("previous", -1);
  const next = button("next", 1);
  const pager = h("nav", { class: "pager", "data-testid": "pager" }, previous, position, next);
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
  const element = h("main", { class: "stage", "data-testid": "stage" }, box, alone, pager, sound);

  const order = new TileOrder();
  const tiles = new Map<string, Tile>();
  let screen: ScreenTile | null = null;
  let wanted = 0;
  let current = 0;

  const tileFor = (person: Person): Tile => {
    let tile = tiles.get(person.identity);
    if (tile === undefined) {
      tile = new Tile(meeting, person.identity, person.local);
      tiles.set(person.identity, tile);
      // Never moved afterwards: a video element that changes its place in the document stops playing.
      box.append(tile.element);
    }
    tile.update(person);
    return tile;
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

  const drawEmpty = (others: number): void => {
    const { life } = meeting.store.get();
    const connecting = life.phase === "joining" && !life.again;
    const state = others > 0 ? "" : connecting ? "connecting" : "alone";
    if (alone.dataset["state"] === state) return;
    alone.dataset["state"] = state;
    if (state === "") fill(alone);
    else if (connecting)
      fill(alone, h("span", { class: "spinner", "aria-hidden": "true" }), told("connection.connecting"));
    else
      fill(
        alone,
        icon("people"),
        told("stage.alone"),
        h("p", { class: "stage-hint" }, t("stage.alone.hint")),
      );
  };

  function update(): void {
    const state = meeting.store.get();
    const people = [...state.people.values()];
    const own = people.find((person) => person.local);
    const others = people
      .filter((person) => !person.local)
      .sort((a, b) => a.joinedAt - b.joinedAt || (a.identity < b.identity ? -1 : 1));
    const sharer = others.find((person) => person.screen);
    const { clientWidth: width, clientHeight: height } = box;
    if (width === 0 || height === 0) return;
    const size = sharer === undefined ? capacity(width, height) : stripCapacity(width, height);
    const sequence = order.update(
      others.map((person) => person.identity),
      state.speakers,
      size,
      performance.now(),
    );
    const view = pageOf(sequence, size, wanted);
    wanted = current = view.page;
    const shown = view.shown.flatMap((identity) => state.people.get(identity) ?? []);

    const keep = new Set([...view.shown, ...(own === undefined ? [] : [own.identity])]);
    for (const [identity, tile] of tiles) {
      if (keep.has(identity)) continue;
      tile.destroy();
      tiles.delete(identity);
    }
    const layout = arrange(width, height, shown.length, sharer !== undefined);
    shown.forEach((person, index) => {
      const rect = layout.tiles[index];
      if (rect !== undefined) place(tileFor(person).element, rect);
    });
    if (own !== undefined) place(tileFor(own).element, layout.self);
    drawScreen(sharer);
    if (screen !== null && layout.stage !== null) place(screen.element, layout.stage);
    set(element, "data-mode", sharer === undefined ? "grid" : "screen");

    pager.hidden = view.pages <= 1;
    previous.disabled = view.page === 0;
    next.disabled = view.page === view.pages - 1;
    write(position, t("page.position", { page: view.page + 1, pages: view.pages }));
    sound.hidden = !state.soundBlocked;
    drawEmpty(others.length);
    meeting.show(
      new Set([
        ...view.shown.map((identity) => `${identity}/camera`),
        ...(sharer === undefined ? [] : [`${sharer.identity}/screen`]),
      ]),
    );
  }

  const observer = new ResizeObserver(() => update());
  observer.observe(box);
  return {
    element,
    update,
    destroy: () => {
      observer.disconnect();
      for (const tile of tiles.values()) tile.destroy();
      screen?.destroy();
    },
  };
}
