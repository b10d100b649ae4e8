/** Which sentence of the catalogue says what the server refused. Pure. */
import type { Answer } from "../channel/client";
import type { MessageKey } from "../generated/catalogue";

const PROBLEMS: Readonly<Record<string, MessageKey>> = {
  not_present: "room.refused.not_present",
  not_in_meeting: "room.refused.not_in_meeting",
  has_floor: "room.refused.has_floor",
  nobody_asks: "room.refused.nobody_asks",
  limit_impossible: "room.refused.limit",
  unknown_member: "room.refused.unknown_member",
  is_chair: "room.refused.is_chair",
  reason_too_long: "room.refused.reason",
  full: "room.refused.full",
  too_fast: "room.refused.too_fast",
};

/** Null for what was done. */
export function refusalKey(answer: Answer): MessageKey | null {
  switch (answer.type) {
    case "done":
      return null;
    case "lost":
      return "room.refused.lost";
    case "refused":
      if (answer.code === "no_right") return "room.refused.no_right";
      return (
        (Object.hasOwn(PROBLEMS, answer.problem) ? PROBLEMS[answer.problem] : undefined) ??
        "room.refused.other"
      );
  }
}
