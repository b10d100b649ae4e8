/** Who is invited and who is here: counts, search, hands in their order, and for leaders what to do with each. */
import type { RosterEntry } from "../channel/messages";
import { whenWritten } from "../islands/composing";
import { fill, h, set, write } from "../ui/dom";
import { icon } from "../ui/icons";
import type { View } from "../ui/page";
import { panelFrame } from "../ui/people-panel";
import { t } from "../ui/words";
import type { Counts, Filter } from "./index";
import { openMember } from "./member-dialog";
import { RowsList, type Row } from "./rows-list";
import type { RoomPage } from "./shared";

const FILTERS: readonly { readonly filter: Filter; readonly key: FilterKey }[] = [
  { filter: "all", key: "room.people.all" },
  { filter: "here", key: "room.people.here" },
  { filter: "missing", key: "room.people.missing" },
  { filter: "hands", key: "room.people.hands" },
];
type FilterKey = "room.people.all" | "room.people.here" | "room.people.missing" | "room.people.hands";

/** The second line of a row: everything that its marks show, in words. */
function about(entry: RosterEntry): string {
  const parts = [
    entry.role === "site" ? entry.district : t(`room.role.${entry.role}`),
    t(`room.presence.${entry.presence}`),
  ];
  if (entry.headCount !== null) parts.push(t("room.state.heads", { count: entry.headCount }));
  if (entry.hasFloor) parts.push(t("room.state.floor"));
  return parts.filter((part) => part !== "").join(" · ");
}

function row(shared: RoomPage, key: string): Row {
  const name = h("span", { class: "row-name" });
  const words = h("span", { class: "row-about" });
  const marks = h("span", { class: "row-marks" });
  const kind = h("span", { class: "row-kind" });
  const action = h("span", { class: "row-action" });
  const element = h(
    "li",
    { class: "row", "data-testid": "member", "data-key": key },
    kind,
    h("span", { class: "row-text" }, name, words),
    marks,
    action,
  );
  let drawn: RosterEntry | null = null;
  return {
    element,
    update: () => {
      const entry = shared.roster.get(key);
      if (entry === undefined || entry === drawn) return;
      const first = drawn === null;
      drawn = entry;
      const mine = key === shared.room.channel.store.get().me;
      const shown = mine ? t("room.state.you", { name: entry.name }) : entry.name;
      write(name, shown);
      set(name, "title", entry.name);
      write(words, about(entry));
      set(words, "title", about(entry));
      set(element, "data-presence", entry.presence);
      set(element, "data-order", entry.order);
      set(element, "data-floor", entry.hasFloor);
      set(element, "data-muted", entry.muted);
      const here = entry.presence === "present" || entry.presence === "late";
      fill(
        marks,
        entry.hasFloor && h("span", { class: "mark mark-floor" }, icon("sound")),
        entry.order > 0 &&
          h(
            "span",
            { class: "mark mark-hand", title: t("room.state.order", { place: entry.order }) },
            icon("hand"),
            h("span", { "aria-hidden": "true" }, String(entry.order)),
            h("span", { class: "sr-only" }, t("room.state.order", { place: entry.order })),
          ),
        here &&
          h(
            "span",
            { class: "mark", title: t(entry.muted ? "room.state.muted" : "room.state.heard") },
            icon(entry.muted ? "microphone-off" : "microphone"),
            h("span", { class: "sr-only" }, t(entry.muted ? "room.state.muted" : "room.state.heard")),
          ),
      );
      if (!first) return;
      fill(kind, icon(entry.role === "site" ? "site" : "person"));
      if (shared.leads && !mine)
        fill(
          action,
          h(
            "button",
            {
              type: "button",
              class: "button button-icon",
              "aria-label": t("room.member.more", { name: shared.name(key) }),
              title: t("room.member.more", { name: shared.name(key) }),
              "data-testid": "member-more",
              onclick: () => openMember(shared, key),
            },
            icon("more"),
          ),
        );
    },
  };
}

export function rosterPanel(shared: RoomPage, close: () => void): View {
  const { room } = shared;
  let filter: Filter = "all";
  let query = "";
  const list = new RowsList(t("room.people.list"), (key) => row(shared, key));
  const found = h("p", { class: "panel-count", role: "status", "data-testid": "members-count" });
  const heads = h("p", { class: "panel-count", "data-testid": "members-heads" });
  const none = h("p", { class: "panel-none" });
  const search = h("input", {
    class: "input",
    type: "search",
    "aria-label": t("room.people.search"),
    placeholder: t("room.people.search"),
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": "members-search",
  });
  whenWritten(search, 120, (text) => {
    query = text.trim();
    list.top();
    draw();
  });
  const choices = FILTERS.map(({ filter: one, key }) => {
    const button = h("button", {
      type: "button",
      class: "choice",
      "data-testid": `filter-${one}`,
      onclick: () => {
        filter = one;
        list.top();
        draw();
      },
    });
    return {
      button,
      update: (counts: Counts): void => {
        set(button, "aria-pressed", String(filter === one));
        write(button, t("room.people.number", { word: t(key), count: counts[one] }));
      },
    };
  });
  const element = panelFrame(
    h("h2", { id: "panel-title", tabindex: -1 }, t("room.people.title")),
    close,
    h("div", { class: "panel-search" }, icon("search"), search),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": t("room.people.filter") },
      ...choices.map((choice) => choice.button),
    ),
    h("div", { class: "panel-counts" }, found, heads),
    none,
    list.element,
  );
  element.classList.add("panel-roster");
  set(element, "data-testid", "roster-panel");

  let revision = -1;
  const draw = (): void => {
    revision = room.store.get().revision;
    const { counts } = room.index;
    const keys = room.index.list(filter, query);
    for (const choice of choices) choice.update(counts);
    write(heads, t("room.people.heads", { count: counts.heads }));
    write(found, t("room.people.found", { count: keys.length }));
    none.hidden = keys.length > 0;
    write(
      none,
      keys.length > 0 ? "" : query === "" ? t("room.people.nobody") : t("room.people.none", { query }),
    );
    list.show(keys);
  };
  queueMicrotask(draw);
  return {
    element,
    update: () => {
      if (revision !== room.store.get().revision) draw();
    },
    destroy: () => list.destroy(),
  };
}
