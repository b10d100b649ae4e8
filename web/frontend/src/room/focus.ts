/** Who stands on the main screen and beside it: shared screen, floor, chair. Pure. */
import type { FloorView, RosterEntry } from "../channel/messages";
import type { Person } from "../meeting/people";

/** The member whose device an identity of the media server is: `site:00001:main` → `site:00001`. */
export function memberOf(identity: string): string {
  return identity.split(":").slice(0, 2).join(":");
}

export interface Focus {
  readonly main: { readonly kind: "screen" | "camera"; readonly identity: string } | null;
  /** Beside the main picture, most important first; never we ourselves. */
  readonly strip: readonly string[];
}

/**
 * The main screen has what is shared, else who has the floor, else the chair; who has it sees the chair
 * there. `preview` is the member whom somebody wants to look at, beside the main picture.
 */
export function focusOf(
  people: ReadonlyMap<string, Person>,
  roster: ReadonlyMap<string, RosterEntry>,
  floor: FloorView,
  preview: string,
): Focus {
  const others = [...people.values()].filter((person) => !person.local);
  const of = (member: string): Person | undefined =>
    member === "" ? undefined : others.find((person) => memberOf(person.identity) === member);
  const chairs = others.filter((person) => roster.get(memberOf(person.identity))?.role === "chair");
  const holder = of(floor.holder);
  const sharers = [holder, ...chairs, ...others].filter((person) => person?.screen === true);
  const sharer = sharers[0];
  const main =
    sharer !== undefined
      ? ({ kind: "screen", identity: sharer.identity } as const)
      : holder !== undefined
        ? ({ kind: "camera", identity: holder.identity } as const)
        : chairs[0] !== undefined
          ? ({ kind: "camera", identity: chairs[0].identity } as const)
          : null;
  const strip = [of(preview), holder, ...chairs]
    .flatMap((person) => person?.identity ?? [])
    .filter((identity) => main?.kind === "screen" || identity !== main?.identity);
  return { main, strip: [...new Set(strip)] };
}
