/** Lines that tell the person what is wrong and what to do, each in both languages. */
import { notices, type Notice, type NoticeAction } from "../meeting/notices";
import { announce } from "./announcer";
import { fill, h, write } from "./dom";
import { icon } from "./icons";
import type { Page, View } from "./page";
import { told, t } from "./words";

function act(page: Page, action: NoticeAction): void {
  const { local } = page.meeting;
  switch (action) {
    case "retry-microphone":
      void local.microphone.retry();
      break;
    case "retry-camera":
      void local.camera.retry();
      break;
    case "unmute":
      void page.setMicrophone(true);
      break;
    case "close-share":
      local.forgetShareProblem();
      break;
    case "stop-share":
      local.stopSharing();
      break;
    case "start-sound":
      void page.meeting.startSound();
      break;
    case "ask-floor":
    case "tell-heads":
      page.acts[action]?.();
      break;
  }
}

const ICONS = { info: "info", warning: "warning", error: "error" } as const;

export function noticeLine(page: Page, notice: Notice): HTMLElement {
  const { action } = notice;
  return h(
    "div",
    { class: `notice notice-${notice.level}`, "data-testid": `notice-${notice.id}`, "data-key": notice.key },
    icon(ICONS[notice.level]),
    told(notice.key, { seconds: notice.seconds ?? 0, ...notice.values }),
    action !== undefined &&
      h(
        "button",
        {
          type: "button",
          class: "button button-notice",
          "data-testid": `notice-${notice.id}-action`,
          onclick: () => act(page, action.id),
        },
        t(action.key),
      ),
  );
}

/** The lines over the meeting. Seconds run in place, so that a button keeps its focus. */
export function noticeLines(
  page: Page,
  read: () => readonly Notice[] = () => notices(page.meeting.store.get(), performance.now()),
): View {
  const element = h("div", { class: "notices", "data-testid": "notices" });
  const drawn = new Map<string, HTMLElement>();
  const update = (): void => {
    const current = read().filter((notice) => notice.id !== "sound");
    const before = [...drawn.keys()];
    const keys = current.map((notice) => `${notice.id} ${notice.key}`);
    current.forEach((notice, index) => {
      const key = keys[index] ?? "";
      const old = drawn.get(key);
      if (old === undefined) {
        drawn.set(key, noticeLine(page, notice));
        announce(t(notice.key, { seconds: notice.seconds ?? 0, ...notice.values }), notice.level !== "info");
      } else if (notice.seconds !== undefined) {
        const line = old.querySelector<HTMLElement>(".told");
        if (line !== null) write(line, t(notice.key, { seconds: notice.seconds }));
      }
    });
    for (const key of before) if (!keys.includes(key)) drawn.delete(key);
    if (before.join() !== keys.join()) fill(element, ...keys.map((key) => drawn.get(key)));
  };
  update();
  return { element, update, destroy: () => undefined };
}
