/**
 * The page's end of the meeting channel: keeps one WebSocket to the server, comes again by itself for
 * as long as the server lets it, and carries requests and their answers.
 *
 * What is known is in `mirror` and in `store`; `onRoster` tells which entries changed. It stays away
 * after a decision (removed, taken over, left, ended, another version, no right): `start` comes again.
 */
import type { Refusal } from "../meeting/life";
import { Store } from "../meeting/store";
import { staysAway, NO_FLOOR, type FloorView, type MeetingView, type Role, type Waiting } from "./messages";
import type { StayAway } from "./messages";
import { Mirror, type Received } from "./mirror";
import { channelDelay, type Loss } from "./retry";
import type { Verdict } from "./ticket";

export type Line =
  /** Not started, or stopped by `stop`. */
  | { readonly phase: "idle" }
  | {
      readonly phase: "connecting";
      /** It stood before. */
      readonly again: boolean;
      /** Since when there is no line, by the page's clock. */
      readonly since: number;
      /** Something to say about it, such as that the meeting is not open yet. */
      readonly trouble: Refusal | null;
    }
  /** In the lobby: nothing of the meeting is known yet. */
  | { readonly phase: "waiting" }
  | { readonly phase: "in" }
  | { readonly phase: "closed"; readonly why: StayAway | "refused"; readonly refusal: Refusal | null };

export interface ChannelState {
  readonly line: Line;
  /** Own key; empty before the first welcome. */
  readonly me: string;
  readonly role: Role;
  readonly meeting: MeetingView | null;
  readonly floor: FloorView;
  readonly lobby: readonly Waiting[];
}

export type Answer =
  | { readonly type: "done" }
  | { readonly type: "refused"; readonly code: string; readonly problem: string }
  /** The line broke before an answer came: what happened shows in the next state. */
  | { readonly type: "lost" };

/** The part of a WebSocket that is used. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface ChannelEnvironment {
  connect(): Socket;
  /** Monotonic milliseconds. */
  now(): number;
  random(): number;
  after(ms: number, run: () => void): () => void;
  /** Asked when a connection was refused, since browsers do not tell why. */
  verdict(): Promise<Verdict>;
}

export type Fields = Readonly<Record<string, string | number>>;
export type RosterListener = (keys: readonly string[] | "all") => void;

const OPEN_WITHIN_MS = 12_000;
/** After a ping the server has so long to say anything. */
const ANSWER_WITHIN_MS = 10_000;

/** The address of a meeting's channel on the page's own host. */
export function channelUrl(
  meeting: string,
  page: { readonly protocol: string; readonly host: string },
): string {
  const scheme = page.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${page.host}/channel/${encodeURIComponent(meeting)}`;
}

export class ChannelClient {
  readonly store: Store<ChannelState>;
  readonly mirror = new Mirror();
  private socket: Socket | null = null;
  private attempt = 0;
  private welcomed = false;
  private wasIn = false;
  private lostAt = 0;
  private pingMs = 15_000;
  private requests = 0;
  private clock: { readonly server: number; readonly page: number } | null = null;
  private cancelRetry: () => void = () => undefined;
  private cancelPing: () => void = () => undefined;
  private cancelLimit: () => void = () => undefined;
  private cancelLeaving: (() => void) | null = null;
  private readonly open = new Map<string, (answer: Answer) => void>();
  private readonly listeners = new Set<RosterListener>();

  constructor(private readonly env: ChannelEnvironment) {
    this.store = new Store<ChannelState>({
      line: { phase: "idle" },
      me: "",
      role: "site",
      meeting: null,
      floor: NO_FLOOR,
      lobby: [],
    });
  }

  /** Comes in, also again after it was sent away: "take back". */
  start(): void {
    const { phase } = this.line;
    if (phase !== "idle" && phase !== "closed") return;
    this.attempt = 0;
    this.lostAt = this.env.now();
    this.connect();
  }

  /** Goes away without a word, as when the page closes: the place is kept. */
  stop(): void {
    this.end();
    this.store.set({ line: { phase: "idle" } });
  }

  /** Leaves by will: place and floor are given up. */
  leave(): void {
    if (this.line.phase === "in" || this.line.phase === "waiting") {
      void this.request("leave");
      // The server closes; if it does not, we do.
      this.cancelLeaving?.();
      this.cancelLeaving = this.env.after(2_000, () => this.finish("left"));
    } else this.finish("left");
  }

  /** The network is back: there is no use in waiting any longer. */
  hurry(): void {
    if (this.line.phase === "connecting" && this.socket === null) this.connect();
  }

  /** Sends a request; the answer never rejects. What changed comes to `store`, show that. */
  request(kind: string, fields: Fields = {}): Promise<Answer> {
    const { socket } = this;
    if (socket === null || !this.welcomed) return Promise.resolve({ type: "lost" });
    this.requests += 1;
    const id = String(this.requests);
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      this.send(socket, { ...fields, type: kind, id });
    });
  }

  onRoster(listener: RosterListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The server's clock now, in milliseconds of Unix time; null before it told any. */
  serverNow(): number | null {
    return this.clock === null ? null : this.clock.server + (this.env.now() - this.clock.page);
  }

  private get line(): Line {
    return this.store.get().line;
  }

  private connect(): void {
    this.cancelRetry();
    this.welcomed = false;
    this.showConnecting(this.line.phase === "connecting" ? this.line.trouble : null);
    const socket = this.env.connect();
    this.socket = socket;
    this.cancelLimit();
    this.cancelLimit = this.env.after(OPEN_WITHIN_MS, () => this.lost(socket));
    socket.onopen = () => {
      if (socket === this.socket) this.send(socket, this.mirror.hello());
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.hear(socket, event.data);
    };
    socket.onclose = () => this.lost(socket);
  }

  private hear(socket: Socket, data: unknown): void {
    let received: Received;
    try {
      received = this.mirror.receive(typeof data === "string" ? data : "");
    } catch {
      // A gap, or a message that does not fit: come again, and take the whole state anew.
      this.mirror.forget();
      this.lost(socket);
      return;
    }
    if (this.welcomed) this.cancelLimit();
    this.act(received);
  }

  private act(received: Received): void {
    const { mirror } = this;
    switch (received.type) {
      case "welcome":
        this.cancelLimit();
        this.welcomed = true;
        this.attempt = 0;
        this.pingMs = received.welcome.pingSeconds * 1000;
        this.tellTime(received.welcome.at);
        this.planPing();
        this.store.set({ me: mirror.me, role: mirror.role });
        if (mirror.waiting) this.store.set({ line: { phase: "waiting" } });
        else if (mirror.resumed) this.enter();
        return;
      case "snapshot":
        this.enter();
        this.showState("all");
        return;
      case "delta":
        this.showState(received.keys);
        return;
      case "done":
      case "pong":
        this.answer(received.id, { type: "done" });
        return;
      case "refused":
        this.answer(received.id, { type: "refused", code: received.code, problem: received.problem });
        return;
      case "closing":
        if (staysAway(received.code)) this.finish(received.code);
        return;
    }
  }

  private enter(): void {
    this.wasIn = true;
    this.store.set({ line: { phase: "in" } });
  }

  private showState(keys: readonly string[] | "all"): void {
    const { at, meeting, floor, lobby } = this.mirror;
    if (at !== null) this.tellTime(at);
    this.store.set({ meeting, floor, lobby });
    if (keys === "all" || keys.length > 0) for (const listener of [...this.listeners]) listener(keys);
  }

  private tellTime(server: number): void {
    this.clock = { server, page: this.env.now() };
  }

  private send(socket: Socket, message: Readonly<Record<string, unknown>>): void {
    try {
      socket.send(JSON.stringify(message));
    } catch {
      // It is closing; onclose says the rest.
      return;
    }
    if (this.welcomed) this.planPing();
  }

  private planPing(): void {
    this.cancelPing();
    this.cancelPing = this.env.after(this.pingMs, () => {
      const { socket } = this;
      if (socket === null) return;
      this.cancelLimit();
      this.cancelLimit = this.env.after(ANSWER_WITHIN_MS, () => this.lost(socket));
      void this.request("ping");
    });
  }

  private answer(id: string, answer: Answer): void {
    this.open.get(id)?.(answer);
    this.open.delete(id);
  }

  private lost(socket: Socket): void {
    if (socket !== this.socket) return;
    const { welcomed } = this;
    const { closing } = this.mirror;
    if (this.cancelLeaving !== null) {
      this.finish("left");
      return;
    }
    if (this.line.phase !== "connecting") this.lostAt = this.env.now();
    this.end();
    if (closing === "full" || closing === "bad_messages") this.wait("refused", null);
    else if (welcomed) this.wait("line", null);
    else {
      const attempt = this.attempt;
      this.showConnecting(this.line.phase === "connecting" ? this.line.trouble : null);
      void this.env.verdict().then((verdict) => {
        // Meanwhile somebody may have hurried or left.
        if (this.line.phase !== "connecting" || this.socket !== null || this.attempt !== attempt) return;
        if (!verdict.again) this.finish("refused", verdict.trouble);
        else this.wait(verdict.trouble === null ? "line" : "not_open", verdict.trouble);
      });
    }
  }

  private wait(loss: Loss, trouble: Refusal | null): void {
    const ms = channelDelay(loss, this.attempt, this.env.random());
    this.attempt += 1;
    this.showConnecting(trouble);
    this.cancelRetry();
    this.cancelRetry = this.env.after(ms, () => this.connect());
  }

  private showConnecting(trouble: Refusal | null): void {
    this.store.set({ line: { phase: "connecting", again: this.wasIn, since: this.lostAt, trouble } });
  }

  private finish(why: StayAway | "refused", refusal: Refusal | null = null): void {
    this.end();
    this.wasIn = false;
    this.store.set({ line: { phase: "closed", why, refusal } });
  }

  /** Lets go of the connection and of all that waits for it. */
  private end(): void {
    const { socket } = this;
    this.socket = null;
    this.welcomed = false;
    this.cancelRetry();
    this.cancelPing();
    this.cancelLimit();
    this.cancelLeaving?.();
    this.cancelLeaving = null;
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const resolve of this.open.values()) resolve({ type: "lost" });
    this.open.clear();
  }
}
