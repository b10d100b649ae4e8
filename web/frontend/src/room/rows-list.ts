/** A list of any length of which only what is in view stands in the page. */
import { h, set } from "../ui/dom";
import { spanOf } from "./rows";

export interface Row {
  readonly element: HTMLElement;
  update(): void;
}

export class RowsList {
  readonly element: HTMLElement;
  private readonly list: HTMLUListElement;
  private readonly rows = new Map<string, Row>();
  private keys: readonly string[] = [];
  private height = 0;
  private readonly observer: ResizeObserver;

  /** `make` builds the row of a key; rows have all the same height, that of `--row` in the style sheet. */
  constructor(
    label: string,
    private readonly make: (key: string) => Row,
  ) {
    this.list = h("ul", { class: "rows", "aria-label": label, "data-testid": "members" });
    this.element = h(
      "div",
      { class: "rows-box", tabindex: 0, role: "group", "aria-label": label },
      this.list,
    );
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  show(keys: readonly string[]): void {
    this.keys = keys;
    this.draw();
  }

  top(): void {
    this.element.scrollTop = 0;
  }

  destroy(): void {
    this.observer.disconnect();
  }

  private draw(): void {
    const { keys, list, rows } = this;
    // Read before anything is written: the page is laid out once.
    const { clientHeight, scrollTop } = this.element;
    if (this.height === 0 || rows.size === 0) this.height = this.measure();
    const { height } = this;
    list.style.height = `${keys.length * height}px`;
    const span = spanOf(keys.length, height, scrollTop, clientHeight);
    const shown = new Map(keys.slice(span.from, span.to).map((key, index) => [key, span.from + index]));
    for (const [key, row] of rows) {
      // What has the focus stays, wherever the list was scrolled to.
      if (shown.has(key) || row.element.contains(document.activeElement)) continue;
      row.element.remove();
      rows.delete(key);
    }
    let before: Element | null = null;
    for (const [key, place] of shown) {
      let row = rows.get(key);
      if (row === undefined) {
        row = this.make(key);
        rows.set(key, row);
      }
      row.update();
      const { element } = row;
      element.style.transform = `translateY(${place * height}px)`;
      set(element, "aria-posinset", place + 1);
      set(element, "aria-setsize", keys.length);
      // In the order in which they are read; a row that stands right is not moved, which would cost its focus.
      const next: Element | null = before === null ? list.firstElementChild : before.nextElementSibling;
      if (next !== element) list.insertBefore(element, next);
      before = element;
    }
  }

  /** Pixels of a row at the size of letters that is set now. */
  private measure(): number {
    const probe = h("li", { class: "row" });
    this.list.append(probe);
    const height = probe.offsetHeight;
    probe.remove();
    return height;
  }
}
