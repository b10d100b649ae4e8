/** What the media server lets us send, read from LiveKit's permissions. Pure. */

export type Source = "camera" | "microphone";

/** The part of LiveKit's `ParticipantPermission` that is read. */
export interface Permission {
  readonly canPublish: boolean;
  /** Numbers of `TrackSource` in LiveKit's protocol; none means all. */
  readonly canPublishSources: readonly number[];
}

const NUMBER: Record<Source, number> = { camera: 1, microphone: 2 };

/** Before the server has said anything nothing is sent: a refused publication would only be in the way. */
export function maySend(permission: Permission | undefined, source: Source): boolean {
  if (permission?.canPublish !== true) return false;
  const { canPublishSources } = permission;
  return canPublishSources.length === 0 || canPublishSources.includes(NUMBER[source]);
}
