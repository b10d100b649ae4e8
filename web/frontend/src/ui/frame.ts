/** The head that the quiet pages (start, join, end) share. */
import { h } from "./dom";
import { mark } from "./icons";
import { languageSwitch, t } from "./words";

export function siteHeader(redraw: () => void): HTMLElement {
  return h(
    "header",
    { class: "site-header" },
    h(
      "div",
      { class: "brand" },
      mark(),
      h(
        "div",
        {},
        h("span", { class: "brand-name" }, t("app.name")),
        h("span", { class: "brand-tagline" }, t("app.tagline")),
      ),
    ),
    languageSwitch(redraw),
  );
}
