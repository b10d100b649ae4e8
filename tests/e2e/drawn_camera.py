"""A camera and a shared screen that are drawn, for pictures: a meeting room, and a page of a report."""

DRAWN = """
(() => {
  const moving = (width, height, paint) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    let step = 0;
    const run = () => paint(pen, (step += 1), width, height);
    run();
    setInterval(run, 100);
    return canvas.captureStream(10);
  };
  const room = (pen, step, w, h) => {
    const wall = pen.createLinearGradient(0, 0, 0, h);
    wall.addColorStop(0, "#c9d6e4");
    wall.addColorStop(1, "#8fa3b8");
    pen.fillStyle = wall;
    pen.fillRect(0, 0, w, h);
    pen.fillStyle = "#a5201b";
    pen.fillRect(w * 0.08, 0, w * 0.12, h * 0.7);
    pen.fillRect(w * 0.8, 0, w * 0.12, h * 0.7);
    const sway = Math.sin(step / 9) * 6;
    for (const [x, coat] of [[0.36, "#24365a"], [0.64, "#3a3148"]]) {
      pen.fillStyle = coat;
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.93, w * 0.13, h * 0.36, 0, 0, 7);
      pen.fill();
      pen.fillStyle = "#dcb08e";
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.45, w * 0.05, h * 0.125, 0, 0, 7);
      pen.fill();
      pen.fillStyle = "#221c1a";
      pen.beginPath();
      pen.ellipse(w * x + sway, h * 0.4, w * 0.053, h * 0.09, 0, Math.PI, 0);
      pen.fill();
    }
    pen.fillStyle = "#7a5233";
    pen.fillRect(0, h * 0.86, w, h * 0.14);
  };
  const slide = (pen, step, w, h) => {
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, w, h);
    pen.fillStyle = "#0b2a4a";
    pen.fillRect(0, 0, w, h * 0.16);
    pen.fillStyle = "#ffffff";
    pen.font = "600 46px 'Be Vietnam Pro', sans-serif";
    pen.fillText("Báo cáo công tác tuần", 60, 76);
    pen.fillStyle = "#14202e";
    pen.font = "34px 'Be Vietnam Pro', sans-serif";
    const lines = ["1. Kết quả giải quyết hồ sơ của các xã, phường", "2. Tiến độ chuyển đổi số",
      "3. Kiến nghị, đề xuất của cơ sở", "4. Nhiệm vụ trọng tâm tuần tới"];
    lines.forEach((line, index) => pen.fillText(line, 60, 200 + index * 68));
    [0.35, 0.5, 0.62, 0.7, 0.86].forEach((part, index) => {
      pen.fillStyle = index === 4 ? "#e5ad2b" : "#0b5cad";
      pen.fillRect(60 + index * 120, h - 40 - part * 190, 80, part * 190);
    });
    pen.fillStyle = step % 10 < 5 ? "#0b5cad" : "#ffffff";
    pen.fillRect(w - 14, h - 14, 6, 6);
  };
  const video = (stream, label) => {
    const [track] = stream.getVideoTracks();
    Object.defineProperty(track, "label", { value: label });
    track.getSettings = () => ({ deviceId: "camera", groupId: "g" });
    return stream;
  };
  const own = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const names = {
    videoinput: "Camera hội trường", audioinput: "Micro hội trường", audiooutput: "Loa hội trường",
  };
  navigator.mediaDevices.enumerateDevices = async () => Object.entries(names).map(([kind, label]) =>
    ({ kind, label, deviceId: kind === "videoinput" ? "camera" : kind, groupId: "g" }));
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (wish.video) return video(moving(1280, 720, room), names.videoinput);
    const stream = await own({ audio: true });
    stream.getAudioTracks()[0].getSettings = () => ({ deviceId: "audioinput", groupId: "g" });
    return stream;
  };
  navigator.mediaDevices.getDisplayMedia = async () => moving(1280, 720, slide);
})();
"""
