/** Who is here: count, search without diacritics, and a list by given name. */
import type { Person } from "../meeting/people";
import { compareNames, matches } from "../meeting/roster";
import { fill, h, set, write } from "./dom";
import { icon } from "./icons";
import type { Page, View } from "./page";
import { t } from "./words";

interface Row {
  readonly element: HTMLElement;
  readonly person: Person;
}

function row(person: Person): Row {
  const microphone = person.microphone === "on";
  const words =
    person.microphone === "on"
      ? t("bar.microphone.off")
      : t(person.microphone === "muted" ? "tile.muted" : "tile.no_microphone");
  const element = h(
    "li",
    { class: "person", "data-testid": "person", "data-identity": person.identity },
    h("span", { class: "person-kind" }, icon(person.kind)),
    h(
      "span",
      { class: "person-name" },
      person.local ? t("tile.you.named", { name: person.name }) : person.name,
    ),
    person.quality === "poor" || person.quality === "lost"
      ? h("span", { class: "person-line" }, t(`quality.${person.quality}`))
      : null,
    person.speaking && microphone
      ? h(
          "span",
          { class: "person-speaking" },
          icon("sound"),
          h("span", { class: "sr-only" }, t("tile.speaking")),
        )
      : null,
    h(
      "span",
      { class: "person-state", "data-state": microphone ? "on" : "off", title: microphone ? null : words },
      icon(microphone ? "microphone" : "microphone-off"),
      !microphone && h("span", { class: "sr-only" }, words),
    ),
    h(
      "span",
      {
        class: "person-state",
        "data-state": person.camera === "on" ? "on" : "off",
        title: person.camera === "on" ? null : t("tile.no_camera"),
      },
      icon(person.camera === "on" ? "camera" : "camera-off"),
      person.camera !== "on" && h("span", { class: "sr-only" }, t("tile.no_camera")),
    ),
  );
  return { element, person };
}

export function panelFrame(title: HTMLElement, close: () => void, ...content: HTMLElement[]): HTMLElement {
  return h(
    "aside",
    {
      class: "panel",
      "aria-labelledby": "panel-title",
      onkeydown: (event) => {
        if ((event as KeyboardEvent).key === "Escape" && !(event as KeyboardEvent).isComposing) close();
      },
    },
    h(
      "header",
      { class: "panel-head" },
      title,
      h(
        "button",
        {
          type: "button",
          class: "button button-icon",
          "data-testid": "panel-close",
          onclick: close,
          "aria-label": t("panel.close"),
          title: t("panel.close"),
        },
        icon("close"),
      ),
    ),
    ...content,
  );
}

export function peoplePanel(page: Page, close: () => void): View {
  const count = h("p", { class: "panel-count", "aria-live": "polite", "data-testid": "people-count" });
  const list = h("ul", { class: "people", "data-testid": "people" });
  const none = h("p", { class: "panel-none" });
  const search = h("input", {
    class: "input",
    type: "search",
    "aria-label": t("people.search"),
    placeholder: t("people.search"),
    autocomplete: "off",
    spellcheck: "false",
    "data-testid": "people-search",
    // While an input method composes, the word is not there yet.
    oninput: (event) => {
      if (!(event as InputEvent).isComposing) filter();
    },
    oncompositionend: () => filter(),
  });
  const element = panelFrame(
    h("h2", { id: "panel-title", tabindex: -1 }, t("people.title")),
    close,
    h("div", { class: "panel-search" }, icon("search"), search),
    h("p", { class: "hint" }, t("people.search.hint")),
    count,
    none,
    list,
  );
  set(element, "data-testid", "people-panel");

  const rows = new Map<string, Row>();
  let query = "";
  let drawn: ReadonlyMap<string, Person> | null = null;

  const draw = (): void => {
    const { people } = page.meeting.store.get();
    drawn = people;
    for (const identity of rows.keys()) if (!people.has(identity)) rows.delete(identity);
    const sorted = [...people.values()].sort(compareNames);
    const elements = sorted
      .filter((person) => query === "" || matches(person.name, query))
      .map((person) => {
        let kept = rows.get(person.identity);
        if (kept?.person !== person) {
          kept = row(person);
          rows.set(person.identity, kept);
        }
        return kept.element;
      });
    const unchanged =
      list.childElementCount === elements.length &&
      elements.every((item, index) => list.children[index] === item);
    if (!unchanged) fill(list, ...elements);
    write(
      count,
      query === ""
        ? t("people.count", { count: people.size })
        : t("people.found", { count: elements.length, total: people.size }),
    );
    none.hidden = elements.length > 0;
    write(none, elements.length > 0 ? "" : t("people.none", { query: query }));
  };
  const filter = (): void => {
    query = search.value.trim();
    draw();
  };
  draw();
  return {
    element,
    update: () => {
      if (drawn !== page.meeting.store.get().people) draw();
    },
    destroy: () => undefined,
  };
}
