/** What the media server lets us send, by LiveKit's permissions. Pure. */
import { Track } from "livekit-client";

/** The part of a ParticipantPermission that is read. */
export interface Permission {
  readonly canPublish: boolean;
  /** Numbers of the protocol's TrackSource; none means all. */
  readonly canPublishSources: readonly number[];
}

const NUMBERS: Readonly<Partial<Record<Track.Source, number>>> = {
  [Track.Source.Camera]: 1,
  [Track.Source.Microphone]: 2,
  [Track.Source.ScreenShare]: 3,
  [Track.Source.ScreenShareAudio]: 4,
};

/** Servers that tell no permission forbid nothing. */
export function maySend(permission: Permission | undefined, source: Track.Source): boolean {
  if (permission === undefined) return true;
  if (!permission.canPublish) return false;
  const { canPublishSources } = permission;
  const number = NUMBERS[source];
  return canPublishSources.length === 0 || (number !== undefined && canPublishSources.includes(number));
}
