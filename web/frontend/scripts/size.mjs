/** Fails if the scripts of a page, gzipped, weigh more than the limit. Reads Vite's manifest. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT = 250_000;
const built = fileURLToPath(new URL("../../static/app/", import.meta.url));
const manifest = JSON.parse(readFileSync(join(built, ".vite", "manifest.json"), "utf8"));

function scripts(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const other of [...(manifest[name].imports ?? []), ...(manifest[name].dynamicImports ?? [])])
    scripts(other, seen);
  return seen;
}

for (const [name, chunk] of Object.entries(manifest)) {
  if (!chunk.isEntry) continue;
  let bytes = 0;
  for (const part of scripts(name))
    bytes += gzipSync(readFileSync(join(built, manifest[part].file)), { level: 9 }).length;
  console.log(`${name}: ${(bytes / 1000).toFixed(1)} kB gzipped of ${LIMIT / 1000} kB`);
  if (bytes > LIMIT) process.exitCode = 1;
}
