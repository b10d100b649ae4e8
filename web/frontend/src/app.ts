/** Puts the meeting page together: the machine, the meeting, and what is shown of it. */
import type { MediaPort } from "./meeting/capture";
import type { DeviceEntry } from "./meeting/devices";
import { FrameWatch } from "./meeting/hints";
import { load, type KeyValue } from "./meeting/preferences";
import { Meeting } from "./meeting/session";
import { installAnnouncer } from "./ui/announcer";
import { attachSound, detachSound, installSounds } from "./ui/audio";
import { fill } from "./ui/dom";
import { endView } from "./ui/end-view";
import { joinPanel } from "./ui/join-panel";
import { installKeys } from "./ui/keys";
import { LevelMeter } from "./ui/level";
import { meetingView } from "./ui/meeting-view";
import { OwnPicture } from "./ui/own-picture";
import { Page, type View } from "./ui/page";
import { language } from "./ui/words";

/** Private windows may refuse storage altogether. */
function storageOf(pick: () => Storage): KeyValue | null {
  try {
    return pick();
  } catch {
    return null;
  }
}

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

// Where the page is not secure, browsers leave mediaDevices undefined, whatever the types say.
const devices = navigator.mediaDevices as MediaDevices | undefined;

const media: MediaPort | null =
  devices === undefined
    ? null
    : {
        getUserMedia: (constraints) => devices.getUserMedia(constraints),
        enumerateDevices: async () =>
          (await devices.enumerateDevices()).map(({ deviceId, label, groupId, kind }): DeviceEntry => ({
            deviceId,
            label,
            groupId,
            kind,
          })),
      };

function share(): ((constraints: DisplayMediaStreamOptions) => Promise<MediaStream>) | null {
  if (devices === undefined || !("getDisplayMedia" in devices)) return null;
  return (constraints) => devices.getDisplayMedia(constraints);
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

  const meeting = new Meeting({
    fetch: (...args) => fetch(...args),
    media,
    share: share(),
    page: location,
    now: () => performance.now(),
    random: Math.random,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    online: navigator.onLine,
    attachSound,
    detachSound,
  });
  const level = new LevelMeter();
  const page = new Page(meeting, level, title, kept, load(kept), (name) =>
    meeting.join({ room, name, language: language(), ...(k === undefined ? {} : { k }) }),
  );
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

/** Listens to the machine: devices, network, keys, permissions, and whether our camera brings pictures. */
function watch(page: Page): void {
  const { meeting, level } = page;
  const { local } = meeting;
  devices?.addEventListener("devicechange", () => void meeting.devicesChanged());
  addEventListener("online", () => meeting.setOnline(true));
  addEventListener("offline", () => meeting.setOnline(false));
  for (const kind of ["pointerdown", "keydown"])
    addEventListener(kind, () => void level.wake(), { capture: true });
  const inMeeting = (run: () => void) => (): void => {
    const { phase } = meeting.store.get().life;
    if (phase !== "idle" && phase !== "ended") run();
  };
  installKeys({
    m: inMeeting(() => void page.setMicrophone(!local.snapshot.microphoneOn)),
    v: inMeeting(() => void page.setCamera(!local.snapshot.camera.wanted)),
  });
  for (const [name, capture] of [
    ["microphone", local.microphone],
    ["camera", local.camera],
  ] as const) {
    navigator.permissions
      .query({ name: name })
      .then((status) =>
        status.addEventListener("change", () => status.state !== "denied" && void capture.permitted()),
      )
      // Some browsers do not tell of these permissions; the button "try again" remains.
      .catch(() => undefined);
  }
  setInterval(() => {
    level.follow(local.microphone.current);
    meeting.hearLevel(level.read());
  }, 120);

  const mirror = new OwnPicture();
  const frames = new FrameWatch();
  setInterval(() => {
    const { camera } = local;
    mirror.show(camera.current);
    const watching = !document.hidden && camera.current !== null && camera.current.readyState === "live";
    const state = frames.feed(
      mirror.element.getVideoPlaybackQuality().totalVideoFrames,
      watching,
      performance.now(),
    );
    if (state === "frozen") void camera.frozen();
    else if (state === "flowing") camera.flowing();
  }, 1_000);
}
