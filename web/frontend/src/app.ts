/** Puts the meeting page together: the machine, the meeting, and what is shown of it. */
import { requestJoin, type JoinRequest } from "./meeting/api";
import { load, type KeyValue } from "./meeting/preferences";
import { installAnnouncer } from "./ui/announcer";
import { installSounds } from "./ui/audio";
import { fill } from "./ui/dom";
import { endView } from "./ui/end-view";
import { joinPanel } from "./ui/join-panel";
import { LevelMeter } from "./ui/level";
import { browserMeeting, storageOf, watch } from "./ui/machine";
import { meetingView } from "./ui/meeting-view";
import { Page, type View } from "./ui/page";
import { language } from "./ui/words";

/** The link's key: from the address, whence it is taken away, else from this tab's memory. */
function linkKey(room: string, tab: KeyValue | null): string | undefined {
  const name = `diemcau.key.${room}`;
  const address = new URL(location.href);
  const given = address.searchParams.get("k");
  if (given === null) return tab?.getItem(name) ?? undefined;
  tab?.setItem(name, given);
  address.searchParams.delete("k");
  history.replaceState(history.state, "", address);
  return given;
}

/** Starts in `root`; room, title and a suggested name are data attributes of the body. */
export function start(root: HTMLElement): void {
  installAnnouncer();
  installSounds();
  const { room = "", title = room, name: suggested = "" } = document.body.dataset;
  const address = new URL(location.href);
  const kept = storageOf(() => localStorage);
  const k = linkKey(
    room,
    storageOf(() => sessionStorage),
  );

  const meeting = browserMeeting();
  const level = new LevelMeter();
  const page = new Page(meeting, level, title, kept, load(kept), (name) => {
    const request: JoinRequest = { room, name, language: language(), ...(k === undefined ? {} : { k }) };
    meeting.join(() => requestJoin((...args) => fetch(...args), request));
  });
  const { preferences } = page;
  if (preferences.name === "" && suggested !== "") page.remember({ name: suggested });

  let view: View | null = null;
  let shown = "";
  const draw = (anew: boolean): void => {
    const { life } = meeting.store.get();
    const which = life.phase === "idle" ? "join" : life.phase === "ended" ? `end ${life.reason}` : "meeting";
    if (which === shown && !anew) return;
    shown = which;
    view?.destroy();
    const again = (): void => draw(true);
    view =
      life.phase === "idle"
        ? joinPanel(page, again)
        : life.phase === "ended"
          ? endView(page, life, again)
          : meetingView(page, again);
    fill(root, view.element);
  };
  meeting.store.subscribe(() => draw(false));

  watch(page);
  void page.open().then(() => {
    // A kiosk joins by itself; everybody else looks at the picture first.
    if (address.searchParams.get("auto") === "1" && page.preferences.name !== "")
      page.join(page.preferences.name);
  });
  draw(true);
}
