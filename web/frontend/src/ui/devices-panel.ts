/** Devices during the meeting. */
import { devicesForm } from "./devices-form";
import { h, set } from "./dom";
import type { Page, View } from "./page";
import { panelFrame } from "./people-panel";
import { languageSwitch, t } from "./words";

export function devicesPanel(page: Page, close: () => void, redraw: () => void): View {
  const form = devicesForm(page);
  const element = panelFrame(
    h("h2", { id: "panel-title", tabindex: -1 }, t("devices.title")),
    close,
    form.element,
    h("p", { class: "hint" }, t("devices.shortcuts")),
    languageSwitch(redraw),
  );
  set(element, "data-testid", "devices-panel");
  return { element, update: () => form.update(), destroy: () => form.destroy() };
}
