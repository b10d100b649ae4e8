/** What the server says comes next for this site: read with care, asked for with an ETag. */

export interface Coming {
  readonly id: string;
  readonly title: string;
  readonly state: "open" | "published";
  /** Milliseconds of Unix time by the server's clock. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly chair: string;
}

export interface Next {
  readonly name: string;
  readonly district: string;
  readonly meeting: Coming | null;
  readonly later: readonly Coming[];
  /** Another one than this page's own means that the service was renewed. */
  readonly release: string;
}

export type NextAnswer =
  | { readonly type: "told"; readonly next: Next; readonly etag: string; readonly at: number | null }
  /** Nothing has changed since the ETag. */
  | { readonly type: "same"; readonly at: number | null }
  /** This browser's key is not valid any more. */
  | { readonly type: "signed-out" }
  | { readonly type: "failed"; readonly notBeforeMs: number };

const ADDRESS = "/api/v1/site/next";
const TIMEOUT_MS = 10_000;
const MOST_LATER = 10;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 400) : "";
}

function comingOf(value: unknown): Coming | null {
  const fields = fieldsOf(value);
  if (fields === null) return null;
  const { id, state, starts_at: startsAt, ends_at: endsAt } = fields;
  if (typeof id !== "string" || id === "" || (state !== "open" && state !== "published")) return null;
  if (!Number.isSafeInteger(startsAt) || !Number.isSafeInteger(endsAt)) return null;
  return {
    id,
    state,
    title: text(fields["title"]),
    startsAt: startsAt as number,
    endsAt: endsAt as number,
    chair: text(fields["chair"]),
  };
}

/** The answer's content; null if it is none, such as a page of a proxy. */
export function readNext(body: unknown): Next | null {
  const fields = fieldsOf(body);
  const site = fieldsOf(fields?.["site"]);
  if (fields === null || site === null || fields["meeting"] === undefined) return null;
  const meeting = comingOf(fields["meeting"]);
  if (meeting === null && fields["meeting"] !== null) return null;
  const later = Array.isArray(fields["later"]) ? (fields["later"] as unknown[]) : [];
  return {
    name: text(site["name"]),
    district: text(site["district"]),
    meeting,
    later: later.slice(0, MOST_LATER).flatMap((one) => comingOf(one) ?? []),
    release: text(fields["release"]),
  };
}

/** Asks; never rejects. `etag` is that of the answer that is known, or empty. */
export async function askNext(fetcher: typeof fetch, etag: string): Promise<NextAnswer> {
  try {
    const response = await fetcher(ADDRESS, {
      headers: { Accept: "application/json", ...(etag === "" ? {} : { "If-None-Match": etag }) },
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const told = Number(response.headers.get("X-Server-Time") ?? "");
    const at = Number.isSafeInteger(told) && told > 0 ? told : null;
    if (response.status === 304) return { type: "same", at };
    if (response.status === 401 || response.status === 403) return { type: "signed-out" };
    if (response.ok) {
      const next = readNext(await response.json().catch(() => null));
      if (next !== null) return { type: "told", next, etag: response.headers.get("ETag") ?? "", at };
    }
    const seconds = Number(response.headers.get("Retry-After") ?? "0");
    return { type: "failed", notBeforeMs: Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : 0 };
  } catch {
    return { type: "failed", notBeforeMs: 0 };
  }
}
