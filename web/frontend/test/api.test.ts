import { describe, expect, it, vi } from "vitest";
import { mediaUrl, readAnswer, requestJoin } from "../src/meeting/api";

const REQUEST = { room: "giao-ban", name: "Phường Trúc Bạch", language: "vi", k: "secret" };

describe("readAnswer", () => {
  it("admits with a token", () => {
    expect(readAnswer(200, { token: "t", url: "", identity: "site:1", role: "official" }, null)).toEqual({
      type: "admitted",
      admission: { token: "t", url: "", identity: "site:1", role: "official" },
    });
  });

  it.each([200, 201])("takes %i without a token for a fault, not for an admission", (status) => {
    expect(readAnswer(status, { url: "x" }, null).type).toBe("later");
    expect(readAnswer(status, null, null).type).toBe("later");
  });

  it.each([400, 401, 403, 404, 409, 422])("takes %i for a refusal with the server's words", (status) => {
    expect(readAnswer(status, { code: "room_locked", vi: "Đã khóa.", en: "Locked." }, null)).toEqual({
      type: "refused",
      refusal: { code: "room_locked", vi: "Đã khóa.", en: "Locked." },
    });
    expect(readAnswer(status, "<html>", null)).toEqual({
      type: "refused",
      refusal: { code: `http_${status}` },
    });
    expect(readAnswer(status, { code: 7, vi: [], en: "" }, null)).toEqual({
      type: "refused",
      refusal: { code: `http_${status}` },
    });
  });

  it.each([
    [429, "12", 12_000, "interrupted"],
    [429, "nonsense", 0, "interrupted"],
    [503, "-5", 0, "server-restart"],
    [503, "100000", 60_000, "server-restart"],
    [502, null, 0, "server-restart"],
    [500, null, 0, "interrupted"],
  ])("tries %i again, Retry-After %s", (status, header, notBeforeMs, cause) => {
    expect(readAnswer(status, { code: "too_many" }, header)).toEqual({ type: "later", cause, notBeforeMs });
  });
});

describe("requestJoin", () => {
  it("posts the request as JSON to our own origin", async () => {
    const fetcher = vi.fn(() => Promise.resolve(Response.json({ token: "t" })));
    expect((await requestJoin(fetcher as unknown as typeof fetch, REQUEST)).type).toBe("admitted");
    const [path, options] = fetcher.mock.calls[0] as unknown as [string, RequestInit];
    expect(path).toBe("/api/join");
    expect(options).toMatchObject({ method: "POST", credentials: "same-origin", cache: "no-store" });
    expect(JSON.parse(options.body as string)).toEqual(REQUEST);
  });

  it("never rejects", async () => {
    const broken = (() => Promise.reject(new TypeError("network"))) as typeof fetch;
    expect(await requestJoin(broken, REQUEST)).toEqual({ type: "later", cause: "network", notBeforeMs: 0 });
    const html = (() => Promise.resolve(new Response("<p>", { status: 502 }))) as typeof fetch;
    expect((await requestJoin(html, REQUEST)).type).toBe("later");
  });
});

it.each([
  ["", "https:", "wss://hop.hanoi.example"],
  ["", "http:", "ws://hop.hanoi.example"],
  ["/media", "https:", "wss://hop.hanoi.example/media"],
  ["wss://sfu.example", "https:", "wss://sfu.example"],
  ["https://sfu.example", "https:", "wss://sfu.example"],
  ["javascript:alert(1)", "https:", "wss://hop.hanoi.example"],
])("mediaUrl(%s) on %s", (url, protocol, expected) => {
  expect(mediaUrl(url, { protocol, host: "hop.hanoi.example" })).toBe(expected);
});
