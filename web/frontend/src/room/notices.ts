/** What has to be said in the room of a meeting, as lines made from the state alone. Pure. */
import type { Line } from "../channel/client";
import type { FloorView, RosterEntry } from "../channel/messages";
import type { MessageKey } from "../generated/catalogue";
import { notices, type Notice } from "../meeting/notices";
import type { MeetingState } from "../meeting/session";
import { ownFloor } from "./floor";

export interface RoomNow {
  readonly media: MeetingState;
  readonly line: Line;
  readonly floor: FloorView;
  readonly me: RosterEntry | undefined;
  /** What the server has just refused. */
  readonly refused: MessageKey | null;
}

/** All lines, most pressing first. `now` is of the clock that made the lives. */
export function roomNotices(room: RoomNow, now: number): readonly Notice[] {
  const { media, line, me } = room;
  const lines: Notice[] = [];
  if (line.phase === "connecting") {
    const seconds = Math.max(0, Math.floor((now - line.since) / 1000));
    const key = media.online ? "room.channel.lost" : "connection.offline";
    lines.push({ id: "channel", level: "warning", key, seconds });
  }
  if (room.refused !== null) lines.push({ id: "refused", level: "warning", key: room.refused });
  const own = ownFloor(me);
  if (own.state === "speaking") {
    const key = room.floor.timeIsUp ? "room.floor.yours.over" : "room.floor.yours";
    lines.push({ id: "floor", level: room.floor.timeIsUp ? "warning" : "info", key });
  } else if (own.state === "asking" && own.place === 1)
    lines.push({ id: "floor", level: "info", key: "room.floor.next" });
  else if (me?.role === "site" && !me.muted && media.maySpeak)
    lines.push({ id: "floor", level: "info", key: "room.floor.may" });
  for (const notice of notices(media, now)) {
    // Of one network that is gone one line is enough.
    if (notice.id === "connection" && line.phase === "connecting" && !media.online) continue;
    if (notice.id !== "muted" || media.maySpeak) lines.push(notice);
  }
  if (media.speakingMuted && !media.maySpeak) {
    if (own.state === "asking")
      lines.push({ id: "muted", level: "warning", key: "room.unheard.asking", values: { place: own.place } });
    else
      lines.push({
        id: "muted",
        level: "warning",
        key: "room.unheard",
        action: { id: "ask-floor", key: "room.ask" },
      });
  }
  if (me?.role === "site" && me.headCount === null && line.phase === "in" && me.key.startsWith("site:"))
    lines.push({
      id: "heads",
      level: "info",
      key: "room.heads.please",
      action: { id: "tell-heads", key: "room.heads.tell" },
    });
  return lines;
}
