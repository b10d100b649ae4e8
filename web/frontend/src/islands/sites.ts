/** Sites by district: one tick for a whole one, a search over all, and the number that is ticked. */
import { fold } from "../meeting/roster";
import { isComposing, whenWritten } from "./composing";
import { t } from "./words";

const REST_MS = 80;

interface District {
  readonly row: HTMLElement;
  readonly whole: HTMLInputElement;
  readonly share: Element | null;
  readonly details: HTMLDetailsElement;
  readonly sites: readonly Site[];
}

interface Site {
  readonly row: HTMLElement;
  readonly box: HTMLInputElement;
  readonly words: string;
}

function sitesOf(row: HTMLElement): Site[] {
  return Array.from(row.querySelectorAll<HTMLElement>("[data-words]")).flatMap((own) => {
    const box = own.querySelector<HTMLInputElement>("input");
    return box === null ? [] : [{ row: own, box, words: ` ${own.dataset["words"] ?? ""}` }];
  });
}

function districtsOf(field: HTMLElement): District[] {
  return Array.from(field.querySelectorAll<HTMLElement>(".district")).flatMap((row) => {
    const whole = row.querySelector<HTMLInputElement>("input[name=district]");
    const details = row.querySelector("details");
    if (whole === null || details === null) return [];
    return [{ row, whole, details, share: row.querySelector("[data-share]"), sites: sitesOf(row) }];
  });
}

/** Whether each word begins a word of the site's key, as the server decides it. */
function means(query: string, words: string): boolean {
  return fold(query)
    .split(" ")
    .every((word) => words.includes(` ${word}`));
}

export function sites(field: HTMLElement): void {
  const tools = field.querySelector<HTMLElement>("[data-tools]");
  const filter = field.querySelector<HTMLInputElement>("[data-filter]");
  const count = field.querySelector("[data-count]");
  const nothing = field.querySelector<HTMLElement>("[data-nothing]");
  if (tools === null || filter === null || count === null || nothing === null) return;
  const districts = districtsOf(field);
  const all = districts.flatMap((district) => district.sites);
  const shown = (): Site[] => all.filter(({ row }) => !row.hidden);

  const tell = (): void => {
    for (const { whole, share, sites: own } of districts) {
      const chosen = own.filter(({ box }) => box.checked).length;
      whole.checked = chosen === own.length;
      whole.indeterminate = chosen > 0 && chosen < own.length;
      if (share !== null)
        share.textContent =
          chosen > 0
            ? t("booking.sites.share", { chosen, all: own.length })
            : t("booking.sites.count", { count: own.length });
    }
    const chosen = all.filter(({ box }) => box.checked).length;
    count.textContent = t("booking.sites.ticked", { chosen, shown: shown().length, all: all.length });
  };
  const draw = (): void => {
    const searched = filter.value.trim() !== "";
    // "phuc xa" is one ward; its words by themselves are in two dozen names of communes.
    const phrase = ` ${fold(filter.value)}`;
    const together = all.some((site) => site.words.includes(phrase));
    const meant = ({ words }: Site): boolean =>
      together ? words.includes(phrase) : means(filter.value, words);
    for (const { row, details, sites: own } of districts) {
      for (const site of own) site.row.hidden = searched && !meant(site);
      const left = own.some((site) => !site.row.hidden);
      row.hidden = !left;
      details.open = searched && left;
    }
    nothing.hidden = shown().length > 0;
    tell();
  };

  const look = whenWritten(filter, REST_MS, draw);
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    // Enter never sends the form from here: it takes the one that is left, or goes to the first.
    event.preventDefault();
    if (isComposing(event)) return;
    look();
    const left = shown();
    const [first] = left;
    if (filter.value.trim() === "" || first === undefined) return;
    if (left.length > 1) first.box.focus();
    else if (!first.box.checked) first.box.click();
  });
  field.querySelector("[data-none]")?.addEventListener("click", () => {
    for (const { box } of all) box.checked = false;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  field.addEventListener("change", (event) => {
    const district = districts.find(({ whole }) => whole === event.target);
    if (district !== undefined) for (const { box } of district.sites) box.checked = district.whole.checked;
    tell();
  });
  for (const { whole, sites: own } of districts)
    if (whole.checked) for (const { box } of own) box.checked = true;
  tools.hidden = false;
  draw();
}
