/** Times as a wall in Hanoi shows them, whatever zone the machine is set to. */
import type { MessageKey } from "../generated/catalogue";

const ZONE = "Asia/Ho_Chi_Minh";

const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  hourCycle: "h23",
  weekday: "short",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

const WEEKDAYS: Readonly<Record<string, MessageKey>> = {
  Mon: "weekday.1",
  Tue: "weekday.2",
  Wed: "weekday.3",
  Thu: "weekday.4",
  Fri: "weekday.5",
  Sat: "weekday.6",
  Sun: "weekday.7",
};

export interface HanoiTime {
  /** 07:05 */
  readonly time: string;
  /** 09, the seconds. */
  readonly seconds: string;
  /** 26/11/2026 */
  readonly date: string;
  readonly weekday: MessageKey;
}

/** `ms` of Unix time as it is in Hanoi. */
export function inHanoi(ms: number): HanoiTime {
  const found: Record<string, string> = {};
  for (const { type, value } of parts.formatToParts(ms)) found[type] = value;
  const { hour = "", minute = "", second = "", day = "", month = "", year = "", weekday = "" } = found;
  return {
    time: `${hour}:${minute}`,
    seconds: second,
    date: `${day}/${month}/${year}`,
    weekday: WEEKDAYS[weekday] ?? "weekday.1",
  };
}

export interface Countdown {
  readonly key: MessageKey;
  readonly values: Readonly<Record<string, string | number>>;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const two = (count: number): string => String(count).padStart(2, "0");

/** How long until `start`, as people say it: days and hours, hours and minutes, then minutes and seconds. */
export function countdown(start: number, now: number): Countdown {
  const left = start - now;
  if (left <= 0) return { key: "kiosk.opening", values: {} };
  if (left < HOUR) {
    // Up, so that the last second is 1 and not 0.
    const seconds = Math.ceil(left / 1000);
    return {
      key: "kiosk.in.minutes",
      values: { minutes: two(Math.floor(seconds / 60)), seconds: two(seconds % 60) },
    };
  }
  const minutes = Math.ceil(left / MINUTE);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return { key: "kiosk.in.hours", values: { hours, minutes: minutes % 60 } };
  return { key: "kiosk.in.days", values: { days: Math.floor(hours / 24), hours: hours % 24 } };
}

/** Time of speaking that is left, as 04:59; over the end as -00:07. */
export function timer(until: number, now: number): string {
  const left = Math.ceil((until - now) / 1000);
  const seconds = Math.abs(left);
  return `${left < 0 ? "-" : ""}${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}
