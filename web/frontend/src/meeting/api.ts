/** The one question that the meeting page asks our server: a way into the room. */
import type { Cause, Refusal } from "./life";

export interface JoinRequest {
  readonly room: string;
  readonly name: string;
  readonly language: string;
  /** Key of the link that was pressed; absent when the server knows this browser by its cookie. */
  readonly k?: string;
}

export interface Admission {
  readonly url: string;
  readonly token: string;
  readonly identity: string;
  readonly role: string;
}

export type JoinAnswer =
  | { readonly type: "admitted"; readonly admission: Admission }
  | { readonly type: "refused"; readonly refusal: Refusal }
  | { readonly type: "later"; readonly cause: Cause; readonly notBeforeMs: number };

const TIMEOUT_MS = 10_000;

function text(value: unknown, limit = 600): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, limit) : undefined;
}

function refusalOf(body: unknown, status: number): Refusal {
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const vi = text(fields["vi"]);
  const en = text(fields["en"]);
  return {
    code: text(fields["code"], 60) ?? `http_${status}`,
    ...(vi === undefined ? {} : { vi }),
    ...(en === undefined ? {} : { en }),
  };
}

/** Sorts an answer into admitted, refused for good, and try again later (429, 5xx, unreadable). */
export function readAnswer(status: number, body: unknown, retryAfter: string | null): JoinAnswer {
  if (status >= 200 && status < 300) {
    const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const token = text(fields["token"], 8_000);
    if (token === undefined) return { type: "later", cause: "interrupted", notBeforeMs: 0 };
    return {
      type: "admitted",
      admission: {
        url: text(fields["url"]) ?? "",
        token,
        identity: text(fields["identity"]) ?? "",
        role: text(fields["role"], 60) ?? "",
      },
    };
  }
  if (status === 429 || status === 408 || status >= 500) {
    const seconds = Number(retryAfter ?? "0");
    const wait = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) : 0;
    return {
      type: "later",
      cause: status === 502 || status === 503 ? "server-restart" : "interrupted",
      notBeforeMs: wait * 1000,
    };
  }
  return { type: "refused", refusal: refusalOf(body, status) };
}

/** Asks for admission; never rejects. */
export async function requestJoin(fetcher: typeof fetch, request: JoinRequest): Promise<JoinAnswer> {
  try {
    const response = await fetcher("/api/join", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(request),
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

/** Address of the media server: absolute, or on this page's own host if the server gave none. */
export function mediaUrl(url: string, page: { readonly protocol: string; readonly host: string }): string {
  if (/^wss?:\/\//.test(url)) return url;
  if (/^https?:\/\//.test(url)) return url.replace(/^http/, "ws");
  const path = url.startsWith("/") ? url : "";
  return `${page.protocol === "https:" ? "wss:" : "ws:"}//${page.host}${path}`;
}
