/** The way from the channel into the media room: a ticket with the rights of the moment. */
import { readAnswer, type JoinAnswer } from "../meeting/api";
import type { Refusal } from "../meeting/life";

const TIMEOUT_MS = 10_000;

/** Asks for a ticket into the room of `meeting`; never rejects. */
export async function requestTicket(
  fetcher: typeof fetch,
  meeting: string,
  csrf: string,
): Promise<JoinAnswer> {
  try {
    const response = await fetcher(`/api/v1/meetings/${encodeURIComponent(meeting)}/ticket`, {
      method: "POST",
      headers: { Accept: "application/json", "X-CSRF-Token": csrf },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const body: unknown = await response.json().catch(() => null);
    return readAnswer(response.status, body, response.headers.get("Retry-After"));
  } catch {
    return { type: "later", cause: "network", notBeforeMs: 0 };
  }
}

/** Refusals that no waiting cures. All others pass: a meeting that is not open yet, a lobby, a change. */
const FINAL = new Set([
  "no_meeting",
  "not_of_this_meeting",
  "meeting_over",
  "sign_in_needed",
  "password_first",
  "form_refused",
  "forbidden",
  "wrong_origin",
]);

/** Why the channel could not be opened; browsers do not tell, but the ticket's refusal does. */
export interface Verdict {
  /** Whether to come again. */
  readonly again: boolean;
  readonly trouble: Refusal | null;
}

export function verdictOf(answer: JoinAnswer): Verdict {
  if (answer.type !== "refused") return { again: true, trouble: null };
  const { refusal } = answer;
  if (FINAL.has(refusal.code)) return { again: false, trouble: refusal };
  return { again: true, trouble: refusal.code === "meeting_not_open" ? refusal : null };
}
