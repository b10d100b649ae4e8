/** The machine under a meeting's page: storage, devices, and what happens to them. */
import type { MediaPort } from "../meeting/capture";
import type { DeviceEntry } from "../meeting/devices";
import { FrameWatch } from "../meeting/hints";
import type { KeyValue } from "../meeting/preferences";
import { Meeting } from "../meeting/session";
import { attachSound, detachSound } from "./audio";
import { installKeys } from "./keys";
import { OwnPicture } from "./own-picture";
import type { Page } from "./page";

/** Private windows may refuse storage altogether. */
export function storageOf(pick: () => Storage): KeyValue | null {
  try {
    return pick();
  } catch {
    return null;
  }
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

/** A meeting with this browser's devices, clock and timers. */
export function browserMeeting(): Meeting {
  return new Meeting({
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
}

/**
 * Listens to the machine: devices, network, keys, permissions, and whether our camera brings pictures.
 * `keys` are shortcuts of the page besides those for microphone and camera.
 */
export function watch(page: Page, keys: Readonly<Record<string, () => void>> = {}): void {
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
    ...Object.fromEntries(Object.entries(keys).map(([key, run]) => [key, inMeeting(run)])),
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
