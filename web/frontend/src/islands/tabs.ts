/** Tabs by the pattern of the ARIA Authoring Practices: arrows move, the panel follows. */

export function tabs(element: HTMLElement): void {
  const list = element.querySelector<HTMLElement>(".tab-list");
  const links = Array.from(element.querySelectorAll<HTMLAnchorElement>(":scope > .tab-list a"));
  const panels = links.map((link) => document.getElementById(link.hash.slice(1)));
  if (list === null || panels.includes(null)) return;

  const choose = (index: number, focus: boolean): void => {
    for (const [place, link] of links.entries()) {
      const mine = place === index;
      link.setAttribute("aria-selected", mine ? "true" : "false");
      link.tabIndex = mine ? 0 : -1;
      const panel = panels[place];
      if (panel) panel.hidden = !mine;
      if (mine && focus) link.focus();
    }
  };

  list.setAttribute("role", "tablist");
  for (const [index, link] of links.entries()) {
    link.parentElement?.setAttribute("role", "presentation");
    link.setAttribute("role", "tab");
    link.setAttribute("aria-controls", link.hash.slice(1));
    const panel = panels[index];
    panel?.setAttribute("role", "tabpanel");
    panel?.addEventListener("reveal", () => choose(index, false));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      choose(index, true);
    });
    link.addEventListener("keydown", (event) => {
      const moves: Readonly<Record<string, number>> = {
        ArrowRight: (index + 1) % links.length,
        ArrowLeft: (index + links.length - 1) % links.length,
        Home: 0,
        End: links.length - 1,
        " ": index,
      };
      const next = moves[event.key];
      if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      choose(next, true);
    });
  }
  element.dataset["ready"] = "";
  const wrong = panels.findIndex((panel) => panel?.querySelector(".field-wrong"));
  const asked = links.findIndex((link) => link.hash === location.hash);
  choose(Math.max(0, wrong >= 0 ? wrong : asked), false);
}
