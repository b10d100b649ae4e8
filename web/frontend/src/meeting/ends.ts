/** What a disconnection means for the person. */
import { DisconnectReason } from "livekit-client";
import type { EndReason } from "./life";

/** Ends that are somebody's decision; null for those that another attempt may cure. */
export function endOf(reason: DisconnectReason | undefined): EndReason | null {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- all others may be cured
  switch (reason) {
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "duplicate";
    case DisconnectReason.PARTICIPANT_REMOVED:
    case DisconnectReason.USER_REJECTED:
      return "removed";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "room-closed";
    case DisconnectReason.CLIENT_INITIATED:
      return "left";
    default:
      return null;
  }
}
