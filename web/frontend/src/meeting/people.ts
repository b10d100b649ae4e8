/** Everyone in the room as plain values, read from the SDK's participants. */
import { ConnectionQuality, Track, type Participant, type TrackPublication } from "livekit-client";
import { cleanName, type Named } from "./roster";

export type Sending = "on" | "muted" | "none";
export type Quality = "excellent" | "good" | "poor" | "lost" | "unknown";

export interface Person extends Named {
  readonly sid: string;
  readonly microphone: Sending;
  readonly camera: Sending;
  readonly screen: boolean;
  readonly speaking: boolean;
  readonly quality: Quality;
  /** Milliseconds since the epoch, by the media server's clock. */
  readonly joinedAt: number;
  /** Change when another track stands behind the picture, so that the page attaches anew. */
  readonly cameraTrack: string | null;
  readonly screenTrack: string | null;
}

const QUALITY: Record<ConnectionQuality, Quality> = {
  [ConnectionQuality.Excellent]: "excellent",
  [ConnectionQuality.Good]: "good",
  [ConnectionQuality.Poor]: "poor",
  [ConnectionQuality.Lost]: "lost",
  [ConnectionQuality.Unknown]: "unknown",
};

function sending(publication: TrackPublication | undefined): Sending {
  if (publication === undefined) return "none";
  return publication.isMuted ? "muted" : "on";
}

function trackKey(publication: TrackPublication | undefined): string | null {
  const track = publication?.track;
  return track === undefined ? null : `${track.sid ?? ""}/${track.mediaStreamTrack.id}`;
}

/** The picture or sound that `participant` offers of `source`. */
export function publicationOf(participant: Participant, source: Track.Source): TrackPublication | undefined {
  return participant.getTrackPublication(source);
}

export function describe(participant: Participant): Person {
  const camera = publicationOf(participant, Track.Source.Camera);
  const screen = publicationOf(participant, Track.Source.ScreenShare);
  const name = cleanName(participant.name ?? "");
  return {
    identity: participant.identity,
    sid: participant.sid,
    name: name === "" ? cleanName(participant.identity) : name,
    kind: participant.identity.startsWith("site:") ? "site" : "person",
    local: participant.isLocal,
    microphone: sending(publicationOf(participant, Track.Source.Microphone)),
    camera: sending(camera),
    screen: screen !== undefined && !screen.isMuted,
    speaking: participant.isSpeaking,
    quality: QUALITY[participant.connectionQuality],
    joinedAt: participant.joinedAt?.getTime() ?? 0,
    cameraTrack: trackKey(camera),
    screenTrack: trackKey(screen),
  };
}

/** True if nothing of `a` and `b` differs, so that the page need not look again. */
export function same(a: Person, b: Person): boolean {
  return (Object.keys(a) as (keyof Person)[]).every((key) => a[key] === b[key]);
}

/** The same people while there is no connection: still listed, without picture and sound. */
export function withoutMedia(people: ReadonlyMap<string, Person>): ReadonlyMap<string, Person> {
  const still = (person: Person): Person => ({
    ...person,
    speaking: false,
    cameraTrack: null,
    screenTrack: null,
    screen: false,
    quality: "unknown",
  });
  return new Map([...people].map(([identity, person]) => [identity, still(person)]));
}
