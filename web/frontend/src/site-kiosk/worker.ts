/**
 * Stands in for the server while the site's page cannot be loaded: a browser that starts, or loads the
 * page anew, while the service is down would otherwise wait on its own error page, up to half an hour.
 * What is shown instead asks again every few seconds. Nothing is kept: the page itself always comes from
 * the server.
 *
 * The server writes the words, `self.words`, in front of this script, which imports nothing.
 */
export {};

interface Fetched extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Installed extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Worker {
  readonly words: readonly (readonly [language: string, text: string])[];
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", run: (event: Installed) => void): void;
  addEventListener(type: "fetch", run: (event: Fetched) => void): void;
}

const worker = self as unknown as Worker;
const LEAST_SECONDS = 3;
const SPREAD_SECONDS = 6;

const STYLE =
  "html{height:100%;background:#08121e;color:#f2f6fa;font:1.75rem/1.5 sans-serif}" +
  "body{min-height:100%;margin:0;display:grid;align-content:center;text-align:center}" +
  "main{display:grid;gap:1rem}p{margin:0;padding:0 1.5rem}p+p{font-size:1.25rem;color:#b9c7d6}";

const escaped = (text: string): string => text.replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);

function away(): Response {
  const seconds = LEAST_SECONDS + Math.floor(Math.random() * SPREAD_SECONDS);
  const lines = worker.words.map(([language, text]) => `<p lang="${language}">${escaped(text)}</p>`);
  return new Response(
    `<!doctype html><html lang="${worker.words[0]?.[0] ?? "vi"}"><meta charset="utf-8">` +
      `<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="${seconds}">` +
      `<title>Điểm Cầu</title><style>${STYLE}</style><main data-testid="away-page">${lines.join("")}</main>`,
    {
      headers: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
      },
    },
  );
}

/** A proxy's error page would stay for ever; our own of 503 loads itself anew. */
const isBroken = (answer: Response): boolean =>
  answer.status >= 500 && answer.headers.get("Refresh") === null;

async function page(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    return isBroken(answer) ? away() : answer;
  } catch {
    return away();
  }
}

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") event.respondWith(page(event.request));
});
