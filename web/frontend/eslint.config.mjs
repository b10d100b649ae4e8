import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["node_modules/", "src/generated/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      eqeqeq: "error",
      "no-console": "error",
      // Names come from people we do not know: text goes into the page as text, never as markup.
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "build nodes with ui/dom.ts" },
        { property: "outerHTML", message: "build nodes with ui/dom.ts" },
        { property: "insertAdjacentHTML", message: "build nodes with ui/dom.ts" },
      ],
    },
  },
  {
    files: ["src/meeting/**/*.ts"],
    rules: {
      "no-restricted-imports": ["error", { patterns: ["**/ui/*"] }],
      "no-restricted-globals": ["error", "document", "window"],
    },
  },
  {
    files: ["scripts/**/*.mjs", "*.mjs"],
    languageOptions: { globals: { console: "readonly", process: "readonly", URL: "readonly" } },
  },
);
