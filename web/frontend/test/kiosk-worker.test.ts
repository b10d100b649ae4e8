import { beforeEach, describe, expect, it, vi } from "vitest";

type Handler = (event: { request: { mode: string }; respondWith(answer: Promise<Response>): void }) => void;

const WORDS = [
  ["vi", "Mất liên lạc <b>với</b> máy chủ"],
  ["en", 'The "server" & more'],
] as const;

/** The worker's answer to a navigation, or null where it leaves the browser to itself. */
async function answer(mode: string, fetched: () => Promise<Response>): Promise<Response | null> {
  const handlers = new Map<string, Handler>();
  vi.stubGlobal("self", {
    words: WORDS,
    addEventListener: (name: string, run: Handler) => handlers.set(name, run),
  });
  vi.stubGlobal("fetch", fetched);
  vi.resetModules();
  await import("../src/site-kiosk/worker");
  let given: Promise<Response> | null = null;
  handlers.get("fetch")?.({
    request: { mode },
    respondWith: (found) => {
      given = found;
    },
  });
  return given;
}

describe("the page's stand-in", () => {
  beforeEach(() => vi.unstubAllGlobals());

  it("lets the server's own answers pass, refusals and pages that come again included", async () => {
    for (const [status, headers] of [
      [200, {}],
      [403, {}],
      [503, { Refresh: "5" }],
    ] as const) {
      const own = new Response("own", { status, headers });
      expect(await answer("navigate", () => Promise.resolve(own))).toBe(own);
    }
    const redirected = Response.redirect("http://localhost/sign-in/site", 303);
    expect(await answer("navigate", () => Promise.resolve(redirected))).toBe(redirected);
  });

  it("looks after navigations alone", async () => {
    expect(await answer("cors", () => Promise.reject(new TypeError("away")))).toBeNull();
  });

  it.each([
    ["no answer", () => Promise.reject(new TypeError("away"))],
    ["a proxy's error page", () => Promise.resolve(new Response("Bad Gateway", { status: 502 }))],
  ])("shows its words and comes again on %s", async (_name, fetched) => {
    const shown = await answer("navigate", fetched);
    const text = (await shown?.text()) ?? "";
    const seconds = Number(/http-equiv="refresh" content="(\d+)"/.exec(text)?.[1]);
    expect(seconds).toBeGreaterThanOrEqual(3);
    expect(seconds).toBeLessThan(9);
    expect(text).toContain('<p lang="vi">Mất liên lạc &#60;b&#62;với&#60;/b&#62; máy chủ</p>');
    expect(text).toContain('<p lang="en">The &#34;server&#34; &#38; more</p>');
    expect(text).not.toContain("<script");
    expect(shown?.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
  });
});
