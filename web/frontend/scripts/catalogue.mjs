/**
 * Turns web/i18n/*.po into src/generated/catalogue.ts (`--check` also looks for missing, unused and
 * unequal entries). The .po files are the source, shared with the server's templates.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = join(here, "..", "..");
const LANGUAGES = ["vi", "en"];

/** Reads the part of the .po format that we write: comments, msgid, msgstr, continued strings. */
export function parsePo(text, file) {
  const entries = new Map();
  let id = null;
  let value = null;
  let target = null;
  const finish = () => {
    if (id !== null && id !== "") {
      if (entries.has(id)) throw new Error(`${file}: ${id} stands twice`);
      if (!value) throw new Error(`${file}: ${id} has no text`);
      entries.set(id, value);
    }
    [id, value, target] = [null, null, null];
  };
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const match = /^(msgid|msgstr)?\s*("(?:[^"\\]|\\.)*")$/.exec(line);
    if (line === "" || line.startsWith("#")) continue;
    if (match === null) throw new Error(`${file}:${index + 1}: not understood: ${line}`);
    const string = JSON.parse(match[2]);
    if (match[1] === "msgid") {
      finish();
      [id, target] = [string, "id"];
    } else if (match[1] === "msgstr") {
      [value, target] = [string, "value"];
    } else if (target === "id") id += string;
    else value += string;
  }
  finish();
  return entries;
}

function catalogues() {
  return new Map(
    LANGUAGES.map((language) => {
      const file = `web/i18n/${language}.po`;
      return [language, parsePo(readFileSync(join(web, "i18n", `${language}.po`), "utf8"), file)];
    }),
  );
}

const placeholders = (text) =>
  [...text.matchAll(/\{(\w+)\}/g)]
    .map((found) => found[1])
    .sort()
    .join(",");

export function problems(all, sources) {
  const found = [];
  const [first, ...others] = LANGUAGES.map((language) => all.get(language));
  for (const [index, other] of others.entries()) {
    const name = LANGUAGES[index + 1];
    for (const key of first.keys()) {
      if (!other.has(key)) found.push(`${key}: missing in ${name}`);
      else if (placeholders(first.get(key)) !== placeholders(other.get(key)))
        found.push(`${key}: other placeholders in ${name}`);
    }
    for (const key of other.keys()) if (!first.has(key)) found.push(`${key}: missing in ${LANGUAGES[0]}`);
  }
  // `bar.${kind}.${state}` in a script stands for all keys of that shape.
  const shapes = sources.flatMap((text) =>
    [...text.matchAll(/`([a-z_]+\.[^`\s]*\$\{[^`\s]*)`/g)].map(
      (made) => new RegExp(`^${made[1].replace(/\$\{[^}]*\}/g, "[\\w]+").replaceAll(".", "\\.")}$`),
    ),
  );
  for (const key of first.keys()) {
    if (shapes.some((shape) => shape.test(key))) continue;
    if (!sources.some((text) => text.includes(`"${key}"`) || text.includes(`'${key}'`)))
      found.push(`${key}: unused`);
  }
  for (const text of sources) {
    for (const use of text.matchAll(/\bt\((["'])([\w.]+)\1/g))
      if (!first.has(use[2])) found.push(`${use[2]}: used, not in the catalogue`);
  }
  return found;
}

function filesUnder(folder, endings) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes("node_modules") && !path.includes("generated"));
}

export function main(check) {
  const all = catalogues();
  const table = Object.fromEntries(
    [...all.get("vi").entries()].map(([key, vi]) => [key, { vi, en: all.get("en").get(key) ?? key }]),
  );
  const out = join(here, "..", "src", "generated");
  mkdirSync(out, { recursive: true });
  writeFileSync(
    join(out, "catalogue.ts"),
    `// Made by scripts/catalogue.mjs from web/i18n/*.po\nexport const catalogue = ${JSON.stringify(table, null, 1)} as const;\nexport type MessageKey = keyof typeof catalogue;\n`,
  );
  if (!check) return 0;
  const sources = [
    ...filesUnder(join(here, "..", "src"), [".ts"]),
    ...filesUnder(join(web, "templates"), [".html"]),
    ...filesUnder(web, [".py"]),
  ].map((path) => readFileSync(path, "utf8"));
  const found = problems(all, sources);
  for (const line of found) console.error(line);
  console.log(`catalogue: ${all.get("vi").size} entries, ${found.length} problems`);
  return found.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.includes("--check"));
