/** Puts the page of a booked meeting together: the machine, the channel, the room, and what is shown. */
import { openChannel } from "../channel/browser";
import { requestTicket } from "../channel/ticket";
import { load } from "../meeting/preferences";
import { installAnnouncer } from "../ui/announcer";
import { installSounds } from "../ui/audio";
import { fill } from "../ui/dom";
import { joinPanel } from "../ui/join-panel";
import { LevelMeter } from "../ui/level";
import { browserMeeting, storageOf, watch } from "../ui/machine";
import { Page, type View } from "../ui/page";
import { Room } from "./controller";
import { endScene, waitView } from "./scenes";
import { RoomPage } from "./shared";
import { roomView, type RoomView } from "./view";

/** Starts in `root`; who, where and when are data attributes of the body, made by the server. */
export function start(root: HTMLElement): void {
  installAnnouncer();
  installSounds();
  const given = document.body.dataset;
  const { meeting: id = "", csrf = "", title = "", name = "", kind = "", home = "/" } = given;
  const starts = { time: given["time"] ?? "", date: given["date"] ?? "" };
  const kept = storageOf(() => localStorage);
  const tab = storageOf(() => sessionStorage);
  const inside = `diemcau.inside.${id}`;

  const meeting = browserMeeting();
  const page = new Page(meeting, new LevelMeter(), title, kept, load(kept), () => room.enter());
  const channel = openChannel(id, csrf);
  const room = new Room(channel, meeting, {
    ticket: () => requestTicket((...args) => fetch(...args), id, csrf),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    capture: () => page.open(),
    remember: (now) => tab?.setItem(inside, now ? "1" : ""),
  });
  const shared = new RoomPage(page, room, home);

  let view: View | null = null;
  let meetingView: RoomView | null = null;
  let shown = "";
  const draw = (anew: boolean): void => {
    const { scene } = room.store.get();
    const key = JSON.stringify(scene);
    if (key === shown && !anew) return;
    shown = key;
    view?.destroy();
    const again = (): void => draw(true);
    meetingView = scene.kind === "meeting" ? roomView(shared, again) : null;
    view =
      meetingView ??
      (scene.kind === "join"
        ? joinPanel(page, again, name)
        : scene.kind === "wait"
          ? waitView(shared, scene, starts, again)
          : scene.kind === "end"
            ? endScene(shared, scene, again)
            : null);
    if (view !== null) fill(root, view.element);
  };
  room.store.subscribe(() => draw(false));

  watch(page, { x: () => shared.pressFloor(), p: () => meetingView?.toggle("people") });
  void page.open();
  draw(true);
  // A site's own device, and whoever was inside before a reload, come in without a press.
  if (kind === "site" || tab?.getItem(inside) === "1") page.go();
}
