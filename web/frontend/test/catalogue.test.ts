import { describe, expect, it } from "vitest";
import { catalogue } from "../src/generated/catalogue";
import { parsePo, problems } from "../scripts/catalogue.mjs";

const table = (vi: Record<string, string>, en: Record<string, string>): Map<string, Map<string, string>> =>
  new Map([
    ["vi", new Map(Object.entries(vi))],
    ["en", new Map(Object.entries(en))],
  ]);

describe("parsePo", () => {
  it("reads comments, continued strings and escapes", () => {
    const text = '# x\nmsgid ""\nmsgstr "head"\n\n#. y\nmsgid "a.b"\nmsgstr "một "\n"\\"hai\\"\\n"\n';
    expect([...parsePo(text, "x")]).toEqual([["a.b", 'một "hai"\n']]);
  });

  it.each([
    'msgid "a"\nmsgstr ""',
    'msgid "a"\nmsgstr "x"\nmsgid "a"\nmsgstr "y"',
    "msgid a",
    'msgstr[0] "x"',
  ])("refuses %s", (text) => {
    expect(() => parsePo(text, "x")).toThrow();
  });
});

describe("problems", () => {
  it("finds missing, unused and unequal entries and unknown keys", () => {
    const all = table(
      { "a.x": "{n} người", "b.x": "b", "c.x": "c" },
      { "a.x": "people", "b.x": "b", "d.x": "d" },
    );
    expect(problems(all, ['t("a.x") t("c.x") t("zz.x")', "`b.${kind}`"])).toEqual([
      "a.x: other placeholders in en",
      "c.x: missing in en",
      "d.x: missing in vi",
      "zz.x: used, not in the catalogue",
    ]);
    expect(problems(table({ "b.x": "b" }, { "b.x": "b" }), [""])).toEqual(["b.x: unused"]);
  });
});

it("has Vietnamese in composed form", () => {
  for (const { vi, en } of Object.values(catalogue)) {
    expect(vi).toBe(vi.normalize("NFC"));
    expect(en).toBe(en.normalize("NFC"));
  }
});
