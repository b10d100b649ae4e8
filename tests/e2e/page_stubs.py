"""Scripts that stand in for a machine's cameras and microphones, to be pulled and plugged by a test."""

DEVICES = """
(() => {
  const made = new Map();
  let all = [
    { kind: "videoinput", deviceId: "cam-1", label: "Logitech C920", groupId: "g1" },
    { kind: "audioinput", deviceId: "mic-1", label: "Micro hội trường", groupId: "g2" },
    { kind: "audiooutput", deviceId: "out-1", label: "Loa hội trường", groupId: "g3" },
  ];
  const failures = { videoinput: null, audioinput: null };
  let frozen = false;
  let pens = 0;

  const picture = () => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const pen = canvas.getContext("2d");
    let step = 0;
    pens += 1;
    setInterval(() => {
      if (frozen) return;
      pen.fillStyle = "rgb(200,40,200)";
      pen.fillRect(0, 0, 320, 180);
      pen.fillStyle = "black";
      pen.fillRect((step += 5) % 300, 170, 20, 10);
    }, 100);
    return canvas.captureStream(10).getVideoTracks()[0];
  };
  const sound = () => {
    const context = new AudioContext();
    const target = context.createMediaStreamDestination();
    const tone = new OscillatorNode(context, { frequency: 500 });
    const gain = new GainNode(context, { gain: 0.3 });
    tone.connect(gain).connect(target);
    tone.start();
    // A machine's microphone needs no press to run; this imitation of one does.
    const wake = () => void context.resume();
    for (const press of ["pointerdown", "keydown"]) addEventListener(press, wake, true);
    return target.stream.getAudioTracks()[0];
  };
  navigator.mediaDevices.enumerateDevices = async () => all.map((device) => ({ ...device }));
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const kind = wish.video ? "videoinput" : "audioinput";
    const reason = failures[kind];
    if (reason) throw new DOMException("", reason);
    const id = (wish.video || wish.audio).deviceId;
    const there = all.filter((device) => device.kind === kind);
    const asked = there.find((each) => each.deviceId === (id?.exact ?? id?.ideal));
    const device = asked ?? (id?.exact ? null : there[0]);
    if (!device) throw new DOMException("", id?.exact ? "OverconstrainedError" : "NotFoundError");
    const track = kind === "videoinput" ? picture() : sound();
    Object.defineProperty(track, "label", { value: device.label });
    track.getSettings = () => ({ deviceId: device.deviceId, groupId: device.groupId });
    made.set(track, device);
    return new MediaStream([track]);
  };
  HTMLMediaElement.prototype.setSinkId = async function (id) {
    const known = all.some((each) => each.kind === "audiooutput" && each.deviceId === id);
    if (!known && id !== "" && id !== "default") throw new DOMException("", "NotFoundError");
    this.sink = id;
  };
  const tell = () => navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  window.machine = {
    pull(deviceId) {
      all = all.filter((device) => device.deviceId !== deviceId);
      for (const [track, device] of made) {
        if (device.deviceId !== deviceId || track.readyState === "ended") continue;
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
      tell();
    },
    plug(kind, deviceId, label) {
      all.push({ kind, deviceId, label, groupId: "g-" + deviceId });
      tell();
    },
    fail(kind, reason) { failures[kind] = reason; },
    freeze(on) { frozen = on; },
    starts: () => pens,
    inUse: (kind) => [...made]
      .filter(([track, device]) => track.readyState === "live" && device.kind === kind)
      .map(([, device]) => device.deviceId),
  };
})();
"""

REFUSED = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };
"""

ABSENT = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("none", "NotFoundError"); };
navigator.mediaDevices.enumerateDevices = async () => [];
"""

INSECURE = """
Object.defineProperty(Navigator.prototype, "mediaDevices", { get: () => undefined });
"""


def remembered(name: str) -> str:
    """A machine on which `name` was typed in before."""
    return f"""localStorage.setItem("diemcau.preferences", JSON.stringify({{ name: {name!r} }}));"""
