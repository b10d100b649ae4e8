/**
 * One place's part in one meeting: admission, the room, who is there, and what is received. The state
 * is in `store`; commands are methods. No page element is touched here: sounds and pictures are handed
 * to whoever attaches them.
 */
import {
  ConnectionError,
  ConnectionErrorReason,
  DisconnectReason,
  Room,
  RoomEvent,
  Track,
  type Participant,
  type RemoteTrack,
} from "livekit-client";
import { mediaUrl, type Admission, type JoinAnswer } from "./api";
import type { MediaPort } from "./capture";
import { findChosen, ofKind, type DeviceChoice, type DeviceEntry } from "./devices";
import { MutedSpeech } from "./hints";
import { endOf } from "./ends";
import { advance, type Cause, type Life, type LifeEvent } from "./life";
import { LOCAL_OFF, LocalMedia, type LocalState, type ScreenPort } from "./local";
import { describe, same, withoutMedia, type Person } from "./people";
import { resumeDelay } from "./retry";
import { maySend } from "./rights";
import { Store } from "./store";
import { SubscriptionPlan, type Offered } from "./subscriptions";

export interface MeetingState {
  readonly life: Life;
  readonly people: ReadonlyMap<string, Person>;
  /** Identities that speak now, loudest first. */
  readonly speakers: readonly string[];
  readonly local: LocalState;
  readonly devices: readonly DeviceEntry[];
  readonly soundBlocked: boolean;
  readonly speakerProblem: boolean;
  readonly mutedByOthers: boolean;
  readonly speakingMuted: boolean;
  readonly mayPublish: boolean;
  /** The server lets our microphone be heard now. */
  readonly maySpeak: boolean;
  readonly mayShare: boolean;
  readonly online: boolean;
}

export interface Environment {
  readonly media: MediaPort | null;
  readonly share: ScreenPort | null;
  readonly page: { readonly protocol: string; readonly host: string };
  now(): number;
  random(): number;
  after(ms: number, run: () => void): () => void;
  readonly online: boolean;
  attachSound(track: RemoteTrack): void;
  detachSound(track: RemoteTrack): void;
}

const LOOK_MS = 2_000;
const MOST_TOKEN_REFUSALS = 3;

/** Asks the server for a way into the room, with a fresh token each time; never rejects. */
export type Ask = () => Promise<JoinAnswer>;

export class Meeting {
  readonly store: Store<MeetingState>;
  readonly local: LocalMedia;
  private room: Room | null = null;
  private ask: Ask | null = null;
  private attemptId = 0;
  private tokenRefusals = 0;
  private cancelWait: () => void = () => undefined;
  private readonly touched = new Set<Participant>();
  private readonly plan = new SubscriptionPlan();
  private visible: ReadonlySet<string> = new Set();
  private speaker: DeviceChoice | null = null;
  private readonly mutedSpeech = new MutedSpeech();

  constructor(private readonly env: Environment) {
    this.store = new Store<MeetingState>({
      life: { phase: "idle" },
      people: new Map(),
      speakers: [],
      local: LOCAL_OFF,
      devices: [],
      soundBlocked: false,
      speakerProblem: false,
      mutedByOthers: false,
      speakingMuted: false,
      mayPublish: true,
      maySpeak: false,
      mayShare: false,
      online: env.online,
    });
    this.local = new LocalMedia(env.media, env.share, (local) => {
      this.store.set({ local });
      if (local.microphone.status === "on" || local.camera.status === "on") void this.refreshDevices();
    });
    this.tick();
  }

  join(ask: Ask): void {
    this.ask = ask;
    this.dispatch({ type: "join" });
  }

  /** Joins again after an end, as before: "come back" and "take over". */
  joinAgain(): void {
    if (this.ask !== null) this.dispatch({ type: "join" });
  }

  leave(): void {
    this.dispatch({ type: "leave" });
  }

  setOnline(online: boolean): void {
    this.store.set({ online });
    if (online) this.dispatch({ type: "online" });
  }

  async setMicrophone(on: boolean): Promise<void> {
    this.store.set({ mutedByOthers: false, speakingMuted: false });
    await this.local.setMicrophone(on);
  }

  /** Level of our microphone in [0, 1], measured before muting. */
  hearLevel(level: number): void {
    const heard = this.local.snapshot.microphoneOn && this.store.get().maySpeak;
    const muted = !heard && this.store.get().life.phase === "connected";
    this.store.set({ speakingMuted: this.mutedSpeech.feed(level, muted, this.env.now()) });
  }

  /** Starts playback after the browser held it back; to be called from a press. */
  async startSound(): Promise<void> {
    await this.room?.startAudio().catch(() => undefined);
    this.store.set({ soundBlocked: this.room !== null && !this.room.canPlaybackAudio });
  }

  async chooseSpeaker(choice: DeviceChoice | null): Promise<void> {
    this.speaker = choice;
    const found = findChosen(ofKind(this.store.get().devices, "audiooutput"), choice);
    if (this.room === null) return;
    const done = await this.room
      .switchActiveDevice("audiooutput", found?.deviceId ?? "default")
      .catch(() => false);
    this.store.set({ speakerProblem: choice !== null && (found === null || !done) });
  }

  async refreshDevices(): Promise<void> {
    if (this.env.media === null) return;
    const devices = await this.env.media.enumerateDevices().catch(() => null);
    if (devices === null) return;
    if (JSON.stringify(this.store.get().devices) !== JSON.stringify(devices)) this.store.set({ devices });
  }

  async devicesChanged(): Promise<void> {
    await this.refreshDevices();
    await this.local.look();
    if (this.speaker !== null) await this.chooseSpeaker(this.speaker);
  }

  /** Says which pictures are in view, as `identity/camera` and `identity/screen`. */
  show(visible: ReadonlySet<string>): void {
    this.visible = visible;
    this.subscribe();
  }

  /** The received picture of `identity`, if there is one now. */
  picture(identity: string, source: "camera" | "screen"): RemoteTrack | null {
    const kind = source === "camera" ? Track.Source.Camera : Track.Source.ScreenShare;
    const publication = this.room?.remoteParticipants.get(identity)?.getTrackPublication(kind);
    return publication?.track ?? null;
  }

  private dispatch(event: LifeEvent): void {
    const step = advance(this.store.get().life, event, this.env.now(), this.env.random());
    this.store.set({ life: step.life });
    for (const effect of step.effects) {
      this.cancelWait();
      if (effect.type === "attempt") void this.attempt();
      else if (effect.type === "close") this.close();
      else this.cancelWait = this.env.after(effect.ms, () => this.dispatch({ type: "timer" }));
    }
    if (step.life.phase === "ended") this.local.stop();
  }

  private async attempt(): Promise<void> {
    const { ask } = this;
    if (ask === null) return;
    const id = ++this.attemptId;
    const answer = await ask();
    if (id !== this.attemptId) return;
    if (answer.type === "refused") {
      this.dispatch({ type: "refused", refusal: answer.refusal });
    } else if (answer.type === "later") {
      this.dispatch({ type: "failed", cause: this.cause(answer.cause), notBeforeMs: answer.notBeforeMs });
    } else {
      await this.connect(id, answer.admission);
    }
  }

  private async connect(id: number, admission: Admission): Promise<void> {
    const room = this.newRoom();
    this.room = room;
    try {
      await room.connect(mediaUrl(admission.url, this.env.page), admission.token, {
        autoSubscribe: false,
        maxRetries: 0,
      });
    } catch (error) {
      if (id === this.attemptId) this.connectFailed(error);
      return;
    }
    if (id !== this.attemptId) {
      await room.disconnect(false);
      return;
    }
    this.tokenRefusals = 0;
    this.store.set({ people: new Map(), speakers: [] });
    this.touchAll(room);
    this.dispatch({ type: "connected" });
    this.local.enter(room);
    this.subscribe();
    this.store.set({ soundBlocked: !room.canPlaybackAudio });
    if (this.speaker !== null) await this.chooseSpeaker(this.speaker);
  }

  private connectFailed(error: unknown): void {
    if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.LeaveRequest) {
      const reason = endOf(error.context as DisconnectReason | undefined);
      if (reason !== null) {
        this.dispatch({ type: "ended", reason });
        return;
      }
    }
    if (error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed) {
      this.tokenRefusals += 1;
      if (this.tokenRefusals >= MOST_TOKEN_REFUSALS) {
        this.tokenRefusals = 0;
        this.dispatch({ type: "refused", refusal: { code: "token_refused" } });
        return;
      }
    }
    this.dispatch({ type: "failed", cause: this.cause("interrupted") });
  }

  private newRoom(): Room {
    const room = new Room({
      adaptiveStream: { pixelDensity: "screen" },
      // The relay speaks protocol v0: without this the client asks for v1 first and loses a round trip.
      singlePeerConnection: false,
      dynacast: true,
      stopLocalTrackOnUnpublish: false,
      disconnectOnPageLeave: true,
      reconnectPolicy: {
        nextRetryDelayInMs: ({ retryCount, elapsedMs }) =>
          resumeDelay(retryCount, elapsedMs, this.env.random()),
      },
    });
    const touch = (participant: Participant): void => this.touch(room, participant);
    const mine = (run: () => void) => (): void => {
      if (this.room === room) run();
    };
    room
      .on(RoomEvent.ParticipantConnected, touch)
      .on(RoomEvent.ParticipantDisconnected, touch)
      .on(RoomEvent.ParticipantNameChanged, (_name, participant) => touch(participant))
      .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
        touch(participant);
        if (participant.isLocal) this.local.reconcile();
      })
      .on(RoomEvent.ConnectionQualityChanged, (_quality, participant) => touch(participant))
      .on(RoomEvent.TrackPublished, (_publication, participant) => touch(participant))
      .on(RoomEvent.TrackUnpublished, (_publication, participant) => touch(participant))
      .on(RoomEvent.LocalTrackPublished, (_publication, participant) => touch(participant))
      .on(RoomEvent.LocalTrackUnpublished, (_publication, participant) => touch(participant))
      .on(RoomEvent.TrackUnmuted, (_publication, participant) => touch(participant))
      .on(RoomEvent.TrackMuted, (publication, participant) => {
        touch(participant);
        if (participant.isLocal && publication.source === Track.Source.Microphone) this.microphoneMuted();
      })
      .on(RoomEvent.TrackSubscribed, (track, _publication, participant) => {
        touch(participant);
        if (track.kind === Track.Kind.Audio) this.env.attachSound(track);
      })
      .on(RoomEvent.TrackUnsubscribed, (track, _publication, participant) => {
        touch(participant);
        if (track.kind === Track.Kind.Audio) this.env.detachSound(track);
      })
      .on(RoomEvent.ActiveSpeakersChanged, (speakers) => this.speakersChanged(room, speakers))
      .on(
        RoomEvent.AudioPlaybackStatusChanged,
        mine(() => this.store.set({ soundBlocked: !room.canPlaybackAudio })),
      )
      .on(
        RoomEvent.SignalReconnecting,
        mine(() => this.dispatch({ type: "resuming" })),
      )
      .on(
        RoomEvent.Reconnecting,
        mine(() => this.dispatch({ type: "resuming" })),
      )
      .on(
        RoomEvent.Reconnected,
        mine(() => {
          this.touchAll(room);
          this.dispatch({ type: "resumed" });
          this.local.reconcile();
        }),
      )
      .on(RoomEvent.Disconnected, (reason) => this.disconnected(room, reason));
    return room;
  }

  private disconnected(room: Room, reason: DisconnectReason | undefined): void {
    if (this.room !== room || this.store.get().life.phase === "joining") return;
    const end = endOf(reason);
    if (end !== null) this.dispatch({ type: "ended", reason: end });
    else
      this.dispatch({
        type: "lost",
        cause: reason === DisconnectReason.SERVER_SHUTDOWN ? "server-restart" : this.cause("interrupted"),
      });
  }

  /** Gives up the room, keeping capture running for the next attempt. */
  private close(): void {
    this.attemptId += 1;
    const room = this.room;
    this.room = null;
    this.local.enter(null);
    this.store.set({ people: withoutMedia(this.store.get().people), speakers: [], soundBlocked: false });
    void room?.disconnect(false);
  }

  /** A mute that was not our wish came from the chair or from the server. */
  private microphoneMuted(): void {
    const { microphone, microphoneOn } = this.local.snapshot;
    if (!microphoneOn || microphone.status !== "on") return;
    void this.local.setMicrophone(false);
    this.store.set({ mutedByOthers: true });
  }

  private speakersChanged(room: Room, speakers: readonly Participant[]): void {
    if (this.room !== room) return;
    const before = new Set(this.store.get().speakers);
    const now = speakers.map((participant) => participant.identity);
    for (const identity of new Set([...before, ...now])) {
      const participant = room.getParticipantByIdentity(identity);
      if (participant !== undefined) this.touch(room, participant);
    }
    this.store.set({ speakers: now });
  }

  private touchAll(room: Room): void {
    this.touch(room, room.localParticipant);
    for (const participant of room.remoteParticipants.values()) this.touch(room, participant);
  }

  /** Reads `participant` anew at the end of this turn; many events of one turn cost one change. */
  private touch(room: Room, participant: Participant): void {
    if (this.room !== room) return;
    this.touched.add(participant);
    if (this.touched.size > 1) return;
    queueMicrotask(() => this.flush(room));
  }

  private flush(room: Room): void {
    const touched = [...this.touched];
    this.touched.clear();
    if (this.room !== room || this.store.get().life.phase === "joining") return;
    const before = this.store.get().people;
    const people = new Map(before);
    let changed = false;
    for (const participant of touched) {
      const { identity } = participant;
      if (room.getParticipantByIdentity(identity) === undefined) changed = people.delete(identity) || changed;
      else {
        const person = describe(participant);
        const old = people.get(identity);
        if (old !== undefined && same(old, person)) continue;
        people.set(identity, person);
        changed = true;
      }
    }
    const { permissions } = room.localParticipant;
    const may = {
      mayPublish: permissions?.canPublish !== false,
      maySpeak: maySend(permissions, Track.Source.Microphone),
      mayShare: maySend(permissions, Track.Source.ScreenShare),
    };
    this.store.set(changed ? { people, ...may } : may);
    this.subscribe();
  }

  private subscribe(): void {
    const room = this.room;
    if (room === null) return;
    const publications = [...room.remoteParticipants.values()].flatMap((participant) =>
      [...participant.trackPublications.values()].map((publication) => ({ participant, publication })),
    );
    const offered = publications.map(({ participant, publication }): Offered => ({
      sid: publication.trackSid,
      identity: participant.identity,
      kind: publication.kind === Track.Kind.Audio ? "audio" : "video",
      source:
        publication.source === Track.Source.Camera
          ? "camera"
          : publication.source === Track.Source.ScreenShare
            ? "screen"
            : "other",
    }));
    const wanted = this.plan.wanted(offered, this.visible, this.env.now());
    for (const { publication } of publications) {
      const want = wanted.has(publication.trackSid);
      if (publication.isDesired !== want) publication.setSubscribed(want);
    }
  }

  private cause(cause: Cause): Cause {
    if (!this.store.get().online) return "network";
    return cause === "network" ? "interrupted" : cause;
  }

  private tick(): void {
    this.env.after(LOOK_MS, () => {
      void this.local.look();
      this.subscribe();
      this.tick();
    });
  }
}
