/** Names: search that ignores diacritics, and the order in which Vietnamese names are listed. */

export interface Named {
  readonly identity: string;
  readonly name: string;
  readonly kind: "person" | "site";
  readonly local: boolean;
}

const MARKS = /\p{Mn}/gu;
/** Direction overrides and invisible controls have no place in a name and can disguise one. */
// eslint-disable-next-line no-control-regex -- the controls are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const SPACES = /\s+/g;

/** `Đường Hoà Bình` → `duong hoa binh`: for comparing, not for showing. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(MARKS, "")
    .replace(/[đĐ]/g, "d")
    .toLowerCase()
    .replace(SPACES, " ")
    .trim();
}

/** A name fit to be shown: composed, without controls, at most `limit` characters. */
export function cleanName(text: string, limit = 120): string {
  const clean = text.normalize("NFC").replace(CONTROLS, " ").replace(SPACES, " ").trim();
  const points = Array.from(clean);
  return points.length <= limit ? clean : `${points.slice(0, limit - 1).join("")}…`;
}

/** True if every word of `query` begins a word of `name` or stands inside it. */
export function matches(name: string, query: string): boolean {
  const folded = fold(name);
  return fold(query)
    .split(" ")
    .every((word) => folded.includes(word));
}

const collator = new Intl.Collator("vi", { numeric: true });

/** The last word of a person's name is the given name, by which Vietnamese lists are ordered. */
export function givenName(name: string): string {
  return name.trim().split(SPACES).at(-1) ?? "";
}

/** Own entry first, then people by given name and full name, then sites by name. */
export function compareNames(a: Named, b: Named): number {
  if (a.local !== b.local) return a.local ? -1 : 1;
  if (a.kind !== b.kind) return a.kind === "person" ? -1 : 1;
  const given = a.kind === "person" ? collator.compare(givenName(a.name), givenName(b.name)) : 0;
  return given || collator.compare(a.name, b.name) || (a.identity < b.identity ? -1 : 1);
}

const KINDS = /^(phường|xã|thị trấn|đặc khu|quận|huyện|thị xã|thành phố)\s+/iu;

/** Two letters for the card that stands in place of a picture. */
export function initials(name: string, kind: "person" | "site"): string {
  const words = (kind === "site" ? name.replace(KINDS, "") : name)
    .split(SPACES)
    .filter((word) => /\p{L}|\p{N}/u.test(word));
  const last = words.at(-1) ?? "?";
  const first = words.length > 1 ? (words[0] ?? "") : "";
  return ((Array.from(first)[0] ?? "") + (Array.from(last)[0] ?? "")).toLocaleUpperCase("vi");
}
