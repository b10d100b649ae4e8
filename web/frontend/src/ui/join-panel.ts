/** Before the meeting: own picture and level, devices, name, and one large button. */
import { deviceNotices } from "../meeting/notices";
import { cleanName } from "../meeting/roster";
import { devicesForm } from "./devices-form";
import { fill, h, set, write } from "./dom";
import { icon } from "./icons";
import { noticeLine } from "./notice-lines";
import { siteHeader } from "./frame";
import type { Page, View } from "./page";
import { OwnPicture } from "./own-picture";
import { t } from "./words";

/** With `signedIn` the server knows who comes: the name is shown and not asked for. */
export function joinPanel(page: Page, redraw: () => void, signedIn?: string): View {
  const { meeting } = page;
  const picture = new OwnPicture();
  const why = h("span", { class: "preview-why" });
  const preview = h(
    "div",
    { class: "preview", "data-testid": "preview" },
    picture.element,
    h("div", { class: "preview-card" }, icon("camera-off"), why),
  );

  const toggle = (kind: "microphone" | "camera"): HTMLButtonElement =>
    h("button", {
      type: "button",
      class: "control",
      "data-testid": `join-${kind}`,
      onclick: () => {
        const { local } = meeting.store.get();
        void (kind === "microphone"
          ? page.setMicrophone(!local.microphoneOn)
          : page.setCamera(!local.camera.wanted));
      },
    });
  const microphone = toggle("microphone");
  const camera = toggle("camera");

  const lines = h("div", { class: "notices", "data-testid": "join-notices" });
  const form = devicesForm(page);

  const complaint = h("p", { class: "field-error", id: "name-error", role: "alert" });
  const name = h("input", {
    id: "name",
    class: "input",
    type: "text",
    name: "name",
    autocomplete: "name",
    maxlength: 80,
    required: true,
    spellcheck: "false",
    "aria-describedby": "name-hint name-error",
    "data-testid": "name",
    oninput: () => write(complaint, ""),
  });
  name.value = page.preferences.name;
  const submit = h(
    "button",
    { type: "submit", class: "button button-main button-large", "data-testid": "join" },
    icon("door"),
    t("join.button"),
  );
  let composing = false;
  name.addEventListener("compositionstart", () => (composing = true));
  name.addEventListener("compositionend", () => (composing = false));

  const card = h(
    "form",
    {
      class: "card join-card",
      novalidate: true,
      onsubmit: (event) => {
        event.preventDefault();
        if (signedIn !== undefined) {
          page.go();
          return;
        }
        // Enter that ends an input method's word does not join.
        if (composing) return;
        const clean = cleanName(name.value, 80);
        if (clean === "") {
          write(complaint, t("join.name.empty"));
          name.focus();
          return;
        }
        page.join(clean);
      },
    },
    h("p", { class: "overline" }, t("join.room")),
    h("h1", { class: "room-title", "data-testid": "room-title" }, page.roomTitle),
    signedIn === undefined
      ? h(
          "div",
          { class: "field" },
          h("label", { class: "field-name", for: "name" }, icon("person"), t("join.name")),
          name,
          h("p", { class: "hint", id: "name-hint" }, t("join.name.hint")),
          complaint,
        )
      : h(
          "p",
          { class: "field-name", "data-testid": "joins-as" },
          icon("person"),
          t("room.joins_as", { name: signedIn }),
        ),
    submit,
    form.element,
  );

  const element = h(
    "div",
    { class: "page page-join", "data-testid": "join-panel" },
    siteHeader(redraw),
    h(
      "main",
      { class: "join" },
      h(
        "section",
        { class: "join-see", "aria-label": t("join.preview.label") },
        h("h2", { class: "join-title" }, t("join.title")),
        preview,
        h("div", { class: "join-controls" }, microphone, camera),
        lines,
      ),
      card,
    ),
  );

  let drawn = "";
  const update = (): void => {
    const { local } = meeting.store.get();
    picture.show(meeting.local.camera.current);
    set(preview, "data-camera", local.camera.status);
    write(
      why,
      t(
        !local.camera.wanted
          ? "join.preview.off"
          : local.camera.status === "starting"
            ? "join.preview.starting"
            : "join.preview.none",
      ),
    );
    drawToggle(microphone, local.microphoneOn, "microphone");
    drawToggle(camera, local.camera.wanted, "camera");
    const shown = deviceNotices({ local });
    const key = shown.map((notice) => notice.key).join();
    if (key !== drawn) {
      drawn = key;
      fill(
        lines,
        ...shown.map((notice) => noticeLine(page, notice)),
        shown.length > 0 && h("p", { class: "join-listen" }, t("join.listen")),
      );
    }
    form.update();
  };
  update();
  const stop = meeting.store.subscribe(update);
  return {
    element,
    update,
    destroy: () => {
      stop();
      form.destroy();
      picture.show(null);
    },
  };
}

function drawToggle(button: HTMLButtonElement, on: boolean, kind: "microphone" | "camera"): void {
  const state = on ? "on" : "off";
  if (button.dataset["state"] === state) return;
  button.dataset["state"] = state;
  fill(
    button,
    icon(on ? kind : `${kind}-off`),
    h("span", { class: "control-name" }, t(`bar.${kind}.${state}`)),
  );
}
