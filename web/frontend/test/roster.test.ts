import { describe, expect, it } from "vitest";
import {
  cleanName,
  compareNames,
  fold,
  givenName,
  initials,
  matches,
  type Named,
} from "../src/meeting/roster";

const person = (name: string, local = false): Named => ({
  identity: `person:${name}`,
  name,
  kind: "person",
  local,
});
const site = (name: string): Named => ({ identity: `site:${name}`, name, kind: "site", local: false });

describe("search", () => {
  it.each([
    ["Phường Đống Đa", "dong da", true],
    ["Phường Đống Đa", "ĐỐNG", true],
    ["Xã Hoà Bình", "hòa bình", true],
    ["Xã Hòa Bình", "hoà", true],
    ["Trần Thị Ngọc Ánh", "anh tran", true],
    ["Thị trấn Tây Đằng", "dang tay", true],
    ["Phường Trúc Bạch".normalize("NFD"), "trúc", true],
    ["Phường Trúc Bạch", "truc  bach ", true],
    ["Phường Trúc Bạch", "mai", false],
  ])("%s ~ %s: %s", (name, query, found) => {
    expect(matches(name, query)).toBe(found);
  });

  it("folds every Vietnamese letter to ASCII", () => {
    const letters = "aàảãáạăằẳẵắặâầẩẫấậdđeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵ";
    for (const letter of letters + letters.toLocaleUpperCase("vi")) expect(fold(letter)).toMatch(/^[a-z]$/);
  });
});

describe("order", () => {
  it("puts ourselves first, people by given name, then sites by name", () => {
    const all = [
      site("Xã Phù Linh"),
      person("Nguyễn Văn Bình"),
      site("Phường Đống Mác"),
      person("Trần Thị Ánh"),
      person("Lê Đức An"),
      person("Phạm Quốc Đạt"),
      person("Vũ Dung"),
      person("Zung Tự", true),
    ];
    expect([...all].sort(compareNames).map(({ name }) => name)).toEqual([
      "Zung Tự",
      "Lê Đức An",
      "Trần Thị Ánh",
      "Nguyễn Văn Bình",
      "Vũ Dung",
      "Phạm Quốc Đạt",
      "Phường Đống Mác",
      "Xã Phù Linh",
    ]);
  });

  it("orders numbers as numbers and is never undecided between two identities", () => {
    expect([site("Tổ 10"), site("Tổ 9")].sort(compareNames)[0]?.name).toBe("Tổ 9");
    const [a, b] = [
      { ...person("An"), identity: "1" },
      { ...person("An"), identity: "2" },
    ];
    expect(Math.sign(compareNames(a, b))).toBe(-Math.sign(compareNames(b, a)));
  });

  it("takes the last word as the given name", () => {
    expect(givenName(" Nguyễn Thị  Hằng Nga ")).toBe("Nga");
    expect(givenName("")).toBe("");
  });
});

describe("names", () => {
  it("loses controls and direction overrides, and keeps markup as text (FC-e07)", () => {
    expect(cleanName("Tổ 5 \u202egpj.exe\u0000\r\nBcc: x")).toBe("Tổ 5 gpj.exe Bcc: x");
    expect(cleanName("<b>Xã</b> {{ 7*7 }}")).toBe("<b>Xã</b> {{ 7*7 }}");
  });

  it("is composed and of bounded length", () => {
    expect(cleanName("Trúc".normalize("NFD"))).toBe("Trúc".normalize("NFC"));
    expect(Array.from(cleanName("ộ".repeat(500)))).toHaveLength(120);
  });

  it.each([
    ["Nguyễn Thị Hằng Nga", "person", "NN"],
    ["Phường Trúc Bạch", "site", "TB"],
    ["Thị trấn Tây Đằng", "site", "TĐ"],
    ["Xã Đông", "site", "Đ"],
    ["", "person", "?"],
    ["  ", "site", "?"],
  ] as const)("initials of %s", (name, kind, letters) => {
    expect(initials(name, kind)).toBe(letters);
  });
});
