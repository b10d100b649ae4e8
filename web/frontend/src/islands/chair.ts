/** The chair is searched for while the name is written; an unfinished word is not asked for. */
import htmx from "htmx.org";
import { whenWritten } from "./composing";

const REST_MS = 250;
const GOAL = "#chair-choices";

export function chair(part: HTMLElement): void {
  const field = part.querySelector<HTMLInputElement>("input[name=chair]");
  if (field === null) return;
  const look = whenWritten(field, REST_MS, (text) => {
    const picked = part.querySelector<HTMLInputElement>("input[name=chair_id]:checked")?.value ?? "";
    const asked = new URLSearchParams({ chair: text, chair_id: picked });
    htmx
      .ajax("get", `/meetings/chairs?${asked.toString()}`, {
        source: field,
        target: GOAL,
        select: GOAL,
        swap: "outerHTML",
      })
      .catch(() => null);
  });
  field.addEventListener("blur", look);
}
