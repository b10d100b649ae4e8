/// <reference types="vitest/config" />
import { defineConfig } from "vite";

/**
 * Builds the pages' scripts into web/static/app with a manifest that the templates resolve names from.
 * Nothing is inlined as data: URLs, since the pages' Content-Security-Policy allows fonts and images
 * from our own origin only.
 */
export default defineConfig({
  base: "/static/app/",
  publicDir: "public",
  build: {
    outDir: "../static/app",
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      input: [
        "src/main.ts",
        "src/start.ts",
        "src/site.ts",
        "src/site-kiosk/main.ts",
        "src/site-kiosk/worker.ts",
        "src/room.ts",
      ],
    },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
