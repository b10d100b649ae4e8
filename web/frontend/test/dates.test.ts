import { describe, expect, it } from "vitest";
import { fromIso, readDate, readTime, showDate, toIso } from "../src/islands/dates";

describe("dates", () => {
  it.each([
    ["26/11/2026", "26/11/2026", 4],
    [" 6-1-2027 ", "06/01/2027", 3],
    ["29.2.2028", "29/02/2028", 2],
    ["01032026", "01/03/2026", 7],
  ])("reads %s", (text, shown, weekday) => {
    const day = readDate(text);
    expect(day && [showDate(day), day.weekday]).toEqual([shown, weekday]);
  });

  it.each(["30/02/2027", "2026-11-26", "11/26/2026", "1/1/26", "00/01/2026", "1/1/0000", "", "mai"])(
    "refuses %s",
    (text) => expect(readDate(text)).toBeNull(),
  );

  it("turns a picker's value round, and back", () => {
    const day = readDate(fromIso("2026-11-06"));
    expect(day && toIso(day)).toBe("2026-11-06");
    expect(fromIso("")).toBe("");
  });
});

describe("times", () => {
  it.each([
    ["8:30", "08:30"],
    ["8h30", "08:30"],
    ["14H", "14:00"],
    ["8 giờ 05", "08:05"],
    ["7.45", "07:45"],
    ["00:00", "00:00"],
  ])("reads %s", (text, shown) => expect(readTime(text)).toBe(shown));

  it.each(["24:00", "8:60", "8", "8:3", "", "-1:00"])("refuses %s", (text) =>
    expect(readTime(text)).toBeNull(),
  );
});
