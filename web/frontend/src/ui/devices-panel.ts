/** Devices during the meeting, with the sentence that tells the keys. */
import { devicesForm } from "./devices-form";
import { h, set } from "./dom";
import type { MessageKey } from "../generated/catalogue";
import type { Page, View } from "./page";
import { panelFrame } from "./people-panel";
import { languageSwitch, t } from "./words";

export function devicesPanel(
  page: Page,
  close: () => void,
  redraw: () => void,
  shortcuts: MessageKey = "devices.shortcuts",
): View {
  const form = devicesForm(page);
  const element = panelFrame(
    h("h2", { id: "panel-title", tabindex: -1 }, t("devices.title")),
    close,
    form.element,
    h("p", { class: "hint" }, t(shortcuts)),
    languageSwitch(redraw),
  );
  set(element, "data-testid", "devices-panel");
  return { element, update: () => form.update(), destroy: () => form.destroy() };
}
