/**
 * A site's part in the media room of one meeting: comes in with a ticket, comes again for ever, receives
 * all sound and the pictures that are shown. Whether the site is in the meeting at all is the channel's
 * business; this follows it.
 */
import { DisconnectReason, Room, RoomEvent, Track, type RemoteTrack } from "livekit-client";
import { requestTicket } from "../channel/ticket";
import { mediaUrl } from "../meeting/api";
import { findChosen, ofKind, type DeviceChoice, type DeviceEntry } from "../meeting/devices";
import { rejoinDelay, resumeDelay } from "../meeting/retry";
import type { Sender } from "./scene";
import type { Sending } from "./sending";

export interface MediaEnvironment {
  readonly fetch: typeof fetch;
  readonly page: { readonly protocol: string; readonly host: string };
  readonly csrf: string;
  random(): number;
  after(ms: number, run: () => void): () => void;
  attachSound(track: RemoteTrack): void;
  detachSound(track: RemoteTrack): void;
}

export interface MediaState {
  readonly connected: boolean;
  readonly senders: readonly Sender[];
  readonly soundBlocked: boolean;
  readonly speakerProblem: boolean;
  /** Goes up with every change of a picture, so that the page looks again. */
  readonly pictures: number;
}

export const NO_MEDIA: MediaState = {
  connected: false,
  senders: [],
  soundBlocked: false,
  speakerProblem: false,
  pictures: 0,
};

export class Media {
  private meeting = "";
  private room: Room | null = null;
  private attempt = 0;
  /** Rises with each attempt and with each end; what belongs to an older one is thrown away. */
  private generation = 0;
  private cancelWait: () => void = () => undefined;
  private wanted: ReadonlySet<string> = new Set();
  private speaker: DeviceChoice | null = null;
  private devices: readonly DeviceEntry[] = [];
  private state: MediaState = NO_MEDIA;

  constructor(
    private readonly env: MediaEnvironment,
    private readonly sending: Sending,
    private readonly onState: (state: MediaState) => void,
    /** The same site joined from another device. */
    private readonly onTakenOver: () => void,
  ) {}

  /** Be in the room of `meeting` from now on, whatever happens; nothing if we are. */
  enter(meeting: string): void {
    if (this.meeting === meeting) return;
    this.leave();
    this.meeting = meeting;
    this.attempt = 0;
    void this.join();
  }

  leave(): void {
    this.meeting = "";
    this.drop();
  }

  /** The network is back: there is no use in waiting any longer. */
  hurry(): void {
    if (this.meeting !== "" && this.room === null) void this.join();
  }

  /** Which pictures are on the screen, as `identity/camera` and `identity/screen`. */
  show(wanted: ReadonlySet<string>): void {
    this.wanted = wanted;
    this.subscribe();
  }

  picture(identity: string, what: "camera" | "screen"): RemoteTrack | null {
    const source = what === "camera" ? Track.Source.Camera : Track.Source.ScreenShare;
    return this.room?.remoteParticipants.get(identity)?.getTrackPublication(source)?.track ?? null;
  }

  /** Begins playback that the browser held back; helps only in a press. */
  async startSound(): Promise<void> {
    const { room } = this;
    await room?.startAudio().catch(() => undefined);
    if (room !== null && room === this.room) this.update({ soundBlocked: !room.canPlaybackAudio });
  }

  /** The loudspeaker among `devices`; null is the machine's own choice. */
  async chooseSpeaker(choice: DeviceChoice | null, devices: readonly DeviceEntry[]): Promise<void> {
    this.speaker = choice;
    this.devices = devices;
    const { room } = this;
    if (room === null) return;
    const found = findChosen(ofKind(devices, "audiooutput"), choice);
    const done = await room
      .switchActiveDevice("audiooutput", found?.deviceId ?? "default")
      .catch(() => false);
    this.update({ speakerProblem: choice !== null && (found === null || !done) });
  }

  private async join(): Promise<void> {
    this.cancelWait();
    const generation = ++this.generation;
    const { meeting } = this;
    const answer = await requestTicket(this.env.fetch, meeting, this.env.csrf);
    if (generation !== this.generation) return;
    if (answer.type !== "admitted") {
      // Refused is for now: the channel says it if it is for good.
      this.again(answer.type === "later" ? answer.notBeforeMs : 0);
      return;
    }
    const room = this.newRoom();
    this.room = room;
    try {
      await room.connect(mediaUrl(answer.admission.url, this.env.page), answer.admission.token, {
        autoSubscribe: false,
        maxRetries: 0,
      });
    } catch {
      if (generation === this.generation) this.again(0);
      return;
    }
    if (generation !== this.generation) {
      await room.disconnect(false);
      return;
    }
    this.attempt = 0;
    this.update({ connected: true, soundBlocked: !room.canPlaybackAudio });
    this.look(room);
    this.sending.enter(room);
    await this.chooseSpeaker(this.speaker, this.devices);
  }

  private again(notBeforeMs: number): void {
    this.drop();
    const ms = Math.max(notBeforeMs, rejoinDelay(this.attempt, this.env.random()));
    this.attempt += 1;
    this.cancelWait = this.env.after(ms, () => void this.join());
  }

  private drop(): void {
    this.generation += 1;
    this.cancelWait();
    const { room } = this;
    this.room = null;
    this.sending.enter(null);
    this.update({ connected: false, senders: [], soundBlocked: false });
    void room?.disconnect(false);
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
    const mine = (run: () => void) => (): void => {
      if (this.room === room) run();
    };
    const look = mine(() => this.look(room));
    const allowed = mine(() => this.sending.reconcile());
    room
      .on(RoomEvent.ParticipantConnected, look)
      .on(RoomEvent.ParticipantDisconnected, look)
      .on(RoomEvent.TrackPublished, look)
      .on(RoomEvent.TrackUnpublished, look)
      .on(RoomEvent.TrackMuted, look)
      .on(RoomEvent.TrackUnmuted, look)
      .on(RoomEvent.TrackSubscribed, (track) => {
        if (track.kind === Track.Kind.Audio) this.env.attachSound(track);
        look();
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        if (track.kind === Track.Kind.Audio) this.env.detachSound(track);
        look();
      })
      .on(RoomEvent.ParticipantPermissionsChanged, (_before, participant) => {
        if (participant.isLocal) allowed();
      })
      .on(RoomEvent.LocalTrackPublished, allowed)
      .on(RoomEvent.LocalTrackUnpublished, allowed)
      .on(
        RoomEvent.AudioPlaybackStatusChanged,
        mine(() => this.update({ soundBlocked: !room.canPlaybackAudio })),
      )
      .on(
        RoomEvent.Reconnected,
        mine(() => {
          this.look(room);
          this.sending.reconcile();
        }),
      )
      .on(RoomEvent.Disconnected, (reason) => {
        if (this.room === room && this.state.connected) this.disconnected(reason);
      });
    return room;
  }

  private disconnected(reason: DisconnectReason | undefined): void {
    if (reason === DisconnectReason.DUPLICATE_IDENTITY) {
      this.leave();
      this.onTakenOver();
    } else this.again(0);
  }

  private look(room: Room): void {
    const senders = [...room.remoteParticipants.values()].map((participant): Sender => {
      const sends = (source: Track.Source): boolean => {
        const publication = participant.getTrackPublication(source);
        return publication !== undefined && !publication.isMuted;
      };
      return {
        identity: participant.identity,
        camera: sends(Track.Source.Camera),
        screen: sends(Track.Source.ScreenShare),
      };
    });
    this.update({ senders, pictures: this.state.pictures + 1 });
    this.subscribe();
  }

  private subscribe(): void {
    for (const participant of this.room?.remoteParticipants.values() ?? []) {
      for (const publication of participant.trackPublications.values()) {
        const what = publication.source === Track.Source.ScreenShare ? "screen" : "camera";
        const want =
          publication.kind === Track.Kind.Audio || this.wanted.has(`${participant.identity}/${what}`);
        if (publication.isDesired !== want) publication.setSubscribed(want);
      }
    }
  }

  private update(change: Partial<MediaState>): void {
    this.state = { ...this.state, ...change };
    this.onState(this.state);
  }
}
