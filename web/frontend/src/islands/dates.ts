/** Dates and times as people here write them; the same rules as in web/forms.py, which decides. */

export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 1 is Monday, 7 is Sunday. */
  readonly weekday: 1 | 2 | 3 | 4 | 5 | 6 | 7;
}

const DATE = /^(\d{1,2})\s*[/.-]\s*(\d{1,2})\s*[/.-]\s*(\d{4})$/;
const DIGITS = /^(\d{2})(\d{2})(\d{4})$/;
const TIME = /^(\d{1,2})\s*(?::|h|g|giờ|\.)\s*(\d{2})?$/i;
const ISO = /^(\d{4})-(\d{2})-(\d{2})$/;

const two = (value: number): string => String(value).padStart(2, "0");

/** Day first; null where it is none, such as the 30th of February. */
export function readDate(text: string): Day | null {
  const found = DATE.exec(text.trim()) ?? DIGITS.exec(text.trim());
  if (found === null) return null;
  const [day = 0, month = 0, year = 0] = found.slice(1).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (year < 1 || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  return { year, month, day, weekday: (date.getUTCDay() || 7) as Day["weekday"] };
}

/** 26/11/2026 */
export function showDate({ year, month, day }: Day): string {
  return `${two(day)}/${two(month)}/${String(year).padStart(4, "0")}`;
}

/** 08:30 from 8:30, 8h30, 8 giờ 30; null where it is no time of 24 hours. */
export function readTime(text: string): string | null {
  const found = TIME.exec(text.trim().normalize("NFC"));
  if (found === null) return null;
  const [hour, minute] = [Number(found[1]), Number(found[2] ?? 0)];
  return hour < 24 && minute < 60 ? `${two(hour)}:${two(minute)}` : null;
}

/** What a browser's own picker gives, as it is written here. */
export function fromIso(text: string): string {
  const found = ISO.exec(text);
  return found === null ? "" : `${found[3] ?? ""}/${found[2] ?? ""}/${found[1] ?? ""}`;
}

export function toIso({ year, month, day }: Day): string {
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}
