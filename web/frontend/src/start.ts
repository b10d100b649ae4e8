/** The start page: rooms that are open now, each with one large button. */
import "./styles/base.css";
import "./styles/start.css";
import { byId, fill, h } from "./ui/dom";
import { siteHeader } from "./ui/frame";
import { icon } from "./ui/icons";
import { told, initialLanguage, setLanguage, t } from "./ui/words";

interface OpenRoom {
  readonly name: string;
  readonly title: string;
  readonly people: number;
}

const REFRESH_MS = 10_000;

/** Reads the server's answer; entries that are not rooms are left out. */
function readRooms(body: unknown): readonly OpenRoom[] {
  const rooms = typeof body === "object" && body !== null && "rooms" in body ? body.rooms : body;
  if (!Array.isArray(rooms)) return [];
  return rooms.flatMap((entry: unknown): OpenRoom[] => {
    if (typeof entry !== "object" || entry === null) return [];
    const { name, title, people } = entry as Record<string, unknown>;
    if (typeof name !== "string" || name === "") return [];
    return [
      {
        name,
        title: typeof title === "string" && title !== "" ? title : name,
        people: typeof people === "number" ? people : 0,
      },
    ];
  });
}

const root = byId("app");
let rooms: readonly OpenRoom[] | null = null;
let failed = false;

function card(room: OpenRoom): HTMLElement {
  return h(
    "li",
    { class: "card room", "data-testid": "room" },
    h(
      "div",
      { class: "room-about" },
      h("h2", { class: "room-name" }, room.title),
      h("p", { class: "room-people" }, icon("people"), t("start.people", { count: room.people })),
    ),
    h(
      "a",
      { class: "button button-main button-large", href: `/meet/${encodeURIComponent(room.name)}` },
      icon("door"),
      t("start.join"),
    ),
  );
}

function draw(): void {
  const content =
    rooms === null
      ? h("p", { class: "start-note" }, told(failed ? "start.failed" : "start.loading"))
      : rooms.length === 0
        ? h("p", { class: "start-note" }, told("start.empty"))
        : h("ul", { class: "rooms" }, ...rooms.map(card));
  fill(
    root,
    h(
      "div",
      { class: "page" },
      siteHeader(draw),
      h("main", { class: "start" }, h("h1", {}, t("start.title")), content),
    ),
  );
}

async function refresh(): Promise<void> {
  try {
    const response = await fetch("/api/rooms", {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(8_000),
    });
    if (!response.ok) throw new Error(String(response.status));
    const fresh = readRooms(await response.json());
    failed = false;
    if (JSON.stringify(fresh) === JSON.stringify(rooms)) return;
    rooms = fresh;
  } catch {
    failed = true;
    if (rooms !== null) return;
  }
  draw();
}

setLanguage(initialLanguage());
draw();
void refresh();
setInterval(() => {
  if (!document.hidden) void refresh();
}, REFRESH_MS);
