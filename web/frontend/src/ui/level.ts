/** Measures how loud the microphone is, on a copy of its track, so that muting does not hide it. */

export class LevelMeter {
  private context: AudioContext | null = null;
  private source: MediaStreamAudioSourceNode | null = null;
  private analyser: AnalyserNode | null = null;
  private copy: MediaStreamTrack | null = null;
  private followed: string | null = null;
  private readonly samples = new Float32Array(512);

  /** Measures `track` from now on, or nothing. */
  follow(track: MediaStreamTrack | null): void {
    if ((track?.id ?? null) === this.followed) return;
    this.followed = track?.id ?? null;
    this.source?.disconnect();
    this.copy?.stop();
    this.source = null;
    this.copy = null;
    if (track === null) return;
    this.context ??= new AudioContext();
    this.analyser ??= new AnalyserNode(this.context, { fftSize: 512 });
    this.copy = track.clone();
    this.copy.enabled = true;
    this.source = this.context.createMediaStreamSource(new MediaStream([this.copy]));
    this.source.connect(this.analyser);
    void this.wake();
  }

  /** Browsers hold audio contexts back until the page is touched; call this from a press. */
  async wake(): Promise<void> {
    if (this.context?.state === "suspended") await this.context.resume().catch(() => undefined);
  }

  /** Level now in [0, 1] on a scale near to hearing: 0 at -60 dB, 1 at -6 dB. */
  read(): number {
    if (this.analyser === null || this.source === null) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    const decibel = 10 * Math.log10(sum / this.samples.length + 1e-10);
    return Math.min(1, Math.max(0, (decibel + 60) / 54));
  }
}

/** Plays two short notes on the loudspeaker `deviceId` ("" is the default). */
export async function playTestSound(deviceId: string): Promise<void> {
  const context = new AudioContext();
  try {
    const target = context.createMediaStreamDestination();
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(target);
    const start = context.currentTime + 0.1;
    for (const [index, frequency] of [523.25, 783.99].entries()) {
      const note = new OscillatorNode(context, { frequency });
      const at = start + index * 0.45;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.25, at + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.42);
      note.connect(gain);
      note.start(at);
      note.stop(at + 0.44);
    }
    const element = new Audio();
    element.srcObject = target.stream;
    if (deviceId !== "" && canChooseSpeaker()) await element.setSinkId(deviceId);
    await element.play();
    await new Promise((done) => setTimeout(done, 1_200));
    element.pause();
    element.srcObject = null;
  } finally {
    await context.close();
  }
}

export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}
