/** The pages' words, in the language chosen. */
import { catalogue, type MessageKey } from "../generated/catalogue";
import { forgetTold } from "./announcer";
import { h } from "./dom";

export type Language = "vi" | "en";
export type Values = Readonly<Record<string, string | number>>;

let current: Language = "vi";

export function language(): Language {
  return current;
}

/** Changes the language of this page and, by a cookie, of those that the server renders. */
export function setLanguage(next: Language): void {
  current = next;
  document.documentElement.lang = next;
  document.cookie = `language=${next}; path=/; max-age=31536000; samesite=lax`;
}

export function initialLanguage(): Language {
  const kept = /(?:^|;\s*)language=(vi|en)\b/.exec(document.cookie)?.[1];
  return (kept ?? document.documentElement.lang) === "en" ? "en" : "vi";
}

function say(key: MessageKey, lang: Language, values: Values): string {
  return catalogue[key][lang].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function t(key: MessageKey, values: Values = {}): string {
  return say(key, current, values);
}

/** One of two given sentences, such as those that an answer brings. */
export function chosen(texts: Readonly<Record<Language, string>>): HTMLElement {
  return h("span", { class: "told" }, texts[current]);
}

/** A sentence as an element of its own. */
export function told(key: MessageKey, values: Values = {}): HTMLElement {
  return h("span", { class: "told" }, t(key, values));
}

/** A control that changes the language; `changed` draws the page anew. */
export function languageSwitch(changed: () => void): HTMLElement {
  const button = (lang: Language): HTMLElement =>
    h(
      "button",
      {
        type: "button",
        class: "language-choice",
        lang,
        "aria-pressed": current === lang ? "true" : "false",
        "data-testid": `language-${lang}`,
        onclick: () => {
          setLanguage(lang);
          forgetTold();
          changed();
        },
      },
      t(lang === "vi" ? "language.vi" : "language.en"),
    );
  return h(
    "div",
    { class: "language", role: "group", "aria-label": t("language.label") },
    button("vi"),
    button("en"),
  );
}
