/** Puts the site's page together: machine, kiosk, and what is shown of it. */
import { ChannelClient, channelUrl, type Socket } from "../channel/client";
import { requestTicket, verdictOf } from "../channel/ticket";
import type { MediaPort } from "../meeting/capture";
import type { DeviceEntry } from "../meeting/devices";
import { FrameWatch } from "../meeting/hints";
import { installAnnouncer } from "../ui/announcer";
import { attachSound, detachSound, installSounds } from "../ui/audio";
import { fill } from "../ui/dom";
import { LevelMeter } from "../ui/level";
import { OwnPicture } from "../ui/own-picture";
import { Kiosk } from "./kiosk";
import { meetingView } from "./view/meeting";
import { testPanel } from "./view/test-panel";
import type { Screen, View } from "./view/view";
import { waitingView } from "./view/waiting";

/** A panel that somebody left open goes away by itself. */
const UNTOUCHED_MS = 120_000;

/** A page that must be loaded anew is, but not in a circle that burdens the server. */
const RELOAD_MS = 3_000;
const RELOAD_SPREAD_MS = 20_000;

const fetcher: typeof fetch = (...args) => fetch(...args);

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

// Where the page is not secure, browsers leave mediaDevices undefined, whatever the types say.
const devices = navigator.mediaDevices as MediaDevices | undefined;

const port: MediaPort | null =
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

function storage(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

function channelOf(meeting: string, csrf: string): ChannelClient {
  return new ChannelClient({
    connect: (): Socket => new WebSocket(channelUrl(meeting, location)),
    now: () => performance.now(),
    random: Math.random,
    after,
    verdict: async () => verdictOf(await requestTicket(fetcher, meeting, csrf)),
  });
}

/** Starts in `root`; the words that the server gave this page are data attributes of the body. */
export function start(root: HTMLElement): void {
  installAnnouncer();
  installSounds();
  const { token = "", site = "", now = "", script = "" } = document.body.dataset;
  let reloading = false;
  const kiosk = new Kiosk({
    fetch: fetcher,
    page: location,
    csrf: token,
    port,
    storage: storage(),
    release: script,
    now: () => performance.now(),
    random: Math.random,
    after,
    attachSound,
    detachSound,
    openChannel: (meeting) => channelOf(meeting, token),
    reload: () => {
      if (reloading) return;
      reloading = true;
      after(RELOAD_MS + Math.random() * RELOAD_SPREAD_MS, () => location.reload());
    },
  });
  // Good enough to show a clock at once; the first answer of the server makes it right.
  if (now !== "") kiosk.clock.learn(Number(now), 0, performance.now());

  const level = new LevelMeter();
  let view: View | null = null;
  let panel: View | null = null;
  let closePanel = (): void => undefined;
  let touchedAt = 0;
  let shown = "";
  const screen: Screen = {
    kiosk,
    level,
    siteName: site,
    openTest: () => {
      if (panel !== null) return;
      kiosk.test(true);
      const made = testPanel(screen, () => {
        panel = null;
        kiosk.test(false);
        made.destroy();
        root.querySelector<HTMLElement>("[data-testid=test-devices]")?.focus();
      });
      panel = made;
      closePanel = () => made.element.close();
      touchedAt = performance.now();
      document.body.append(made.element);
      made.element.showModal();
    },
    redraw: () => {
      shown = "";
      draw();
    },
  };
  const draw = (): void => {
    const which = kiosk.store.get().life.phase === "in" ? "meeting" : "waiting";
    const entered = which === "meeting" && shown === "waiting";
    if (which === shown) {
      view?.update();
    } else {
      shown = which;
      view?.destroy();
      view = which === "meeting" ? meetingView(screen) : waitingView(screen);
      fill(root, view.element);
    }
    // Nobody is there to close a panel when a meeting begins.
    const now = performance.now();
    if (panel !== null && (entered || now - touchedAt > UNTOUCHED_MS)) closePanel();
    panel?.update();
  };
  for (const kind of ["pointerdown", "keydown", "change"])
    addEventListener(kind, () => (touchedAt = performance.now()), { capture: true });
  kiosk.store.subscribe(draw);
  setInterval(draw, 250);
  draw();
  watch(kiosk, level);
  kiosk.start();
}

/** Listens to the machine: devices, network, presses, and whether our camera brings pictures. */
function watch(kiosk: Kiosk, level: LevelMeter): void {
  devices?.addEventListener("devicechange", () => void kiosk.devicesChanged());
  addEventListener("online", () => kiosk.online());
  for (const kind of ["pointerdown", "keydown"])
    addEventListener(
      kind,
      () => {
        void level.wake();
        if (kiosk.store.get().media.soundBlocked) void kiosk.media.startSound();
      },
      { capture: true },
    );
  for (const [name, capture] of [
    ["microphone", kiosk.sending.microphone],
    ["camera", kiosk.sending.camera],
  ] as const)
    navigator.permissions
      .query({ name })
      .then((status) =>
        status.addEventListener("change", () => status.state !== "denied" && void capture.permitted()),
      )
      .catch(() => undefined);

  const mirror = new OwnPicture();
  const frames = new FrameWatch();
  setInterval(() => {
    const { camera } = kiosk.sending;
    mirror.show(camera.current);
    const watching = !document.hidden && camera.current !== null && camera.current.readyState === "live";
    const count = mirror.element.getVideoPlaybackQuality().totalVideoFrames;
    const state = frames.feed(count, watching, performance.now());
    if (state === "frozen") void camera.frozen();
    else if (state === "flowing") camera.flowing();
  }, 1_000);

  keepAwake();
  // Where it is not there, or not allowed, the page works without it.
  if ("serviceWorker" in navigator)
    void navigator.serviceWorker.register("/kiosk-worker.js", { scope: "/kiosk" }).catch(() => undefined);
}

/** A site's screen must not go dark in the middle of a meeting. */
function keepAwake(): void {
  if (!("wakeLock" in navigator)) return;
  const take = (): void => {
    if (document.visibilityState === "visible")
      void navigator.wakeLock.request("screen").catch(() => undefined);
  };
  document.addEventListener("visibilitychange", take);
  take();
}
