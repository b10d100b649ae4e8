/**
 * One place's part in a booked meeting: the channel decides, the media follow. Pictures and sound are
 * joined once the channel has let us in, and left when it sends us away; the microphone goes on by
 * itself when the server gives a site the right to be heard.
 */
import type { Answer, ChannelClient, Fields } from "../channel/client";
import type { RosterEntry } from "../channel/messages";
import { verdictOf } from "../channel/ticket";
import type { MessageKey } from "../generated/catalogue";
import type { JoinAnswer } from "../meeting/api";
import type { Refusal } from "../meeting/life";
import type { Meeting } from "../meeting/session";
import { Store } from "../meeting/store";
import { RosterIndex } from "./index";
import { sceneOf, type EndWhy, type Scene } from "./life";
import { refusalKey } from "./words";

export interface RoomState {
  readonly scene: Scene;
  /** Rises with each change of the roster. */
  readonly revision: number;
  readonly refused: MessageKey | null;
  /** Whom we look at beside the main picture; empty for nobody. */
  readonly preview: string;
}

/** What the controller needs of the page. */
export interface RoomEnvironment {
  ticket(): Promise<JoinAnswer>;
  after(ms: number, run: () => void): () => void;
  /** Takes camera and microphone again, after an end has let go of them. */
  capture(): Promise<void>;
  /** Whether a reload comes in by itself. */
  remember(inside: boolean): void;
}

const REFUSAL_MS = 8_000;
/** The channel's word for an end comes at about the same time as the media server's. */
const WORD_MS = 3_000;

export class Room {
  readonly store: Store<RoomState>;
  readonly index: RosterIndex;
  private over: Extract<Scene, { kind: "end" }> | null = null;
  private spoke = false;
  private cancelRefusal: () => void = () => undefined;
  private cancelWord: (() => void) | null = null;

  constructor(
    readonly channel: ChannelClient,
    readonly meeting: Meeting,
    private readonly env: RoomEnvironment,
  ) {
    this.index = new RosterIndex(channel.mirror.roster);
    this.store = new Store<RoomState>({
      scene: { kind: "join" },
      revision: 0,
      refused: null,
      preview: "",
    });
    channel.onRoster((keys) => {
      this.index.change(keys);
      this.store.set({ revision: this.store.get().revision + 1 });
    });
    channel.store.subscribe(() => this.lineChanged());
    meeting.store.subscribe(() => this.mediaChanged());
  }

  /** Our own line of the roster. */
  get me(): RosterEntry | undefined {
    return this.channel.mirror.roster.get(this.channel.store.get().me);
  }

  /** Comes in; also after an end: back again, or taking the place back from another device. */
  enter(): void {
    const again = this.over !== null || this.channel.store.get().line.phase === "closed";
    this.over = null;
    if (again) void this.env.capture();
    this.channel.start();
    this.draw();
  }

  leave(): void {
    this.channel.leave();
    this.meeting.leave();
  }

  /** Sends a request; a refusal is shown for a while. */
  async press(kind: string, fields: Fields = {}): Promise<Answer> {
    const answer = await this.channel.request(kind, fields);
    const refused = refusalKey(answer);
    this.cancelRefusal();
    this.store.set({ refused });
    if (refused !== null)
      this.cancelRefusal = this.env.after(REFUSAL_MS, () => this.store.set({ refused: null }));
    return answer;
  }

  preview(member: string): void {
    this.store.set({ preview: member });
  }

  private lineChanged(): void {
    const { line } = this.channel.store.get();
    const { phase } = this.meeting.store.get().life;
    const joined = phase !== "idle" && phase !== "ended";
    if (line.phase === "in" && !joined && this.cancelWord === null) this.joinMedia();
    if ((line.phase === "waiting" || line.phase === "closed") && joined) this.meeting.leave();
    if (line.phase === "in") this.env.remember(true);
    if (line.phase === "closed") this.env.remember(false);
    this.draw();
  }

  private joinMedia(): void {
    this.meeting.join(async () => {
      const answer = await this.env.ticket();
      // A lobby or a change passes, and the channel tells when; other refusals end it.
      if (answer.type === "refused" && verdictOf(answer).again)
        return { type: "later", cause: "interrupted", notBeforeMs: 0 };
      return answer;
    });
  }

  private mediaChanged(): void {
    const { life, maySpeak } = this.meeting.store.get();
    if (maySpeak !== this.spoke) {
      this.spoke = maySpeak;
      // Persons of the chair's table put their microphone on themselves; a site's goes on with the floor.
      if (maySpeak && this.channel.store.get().role === "site") void this.meeting.setMicrophone(true);
    }
    if (life.phase === "ended") this.mediaEnded(life.reason, life.refusal);
  }

  private mediaEnded(reason: string, refusal: Refusal | null): void {
    if (this.channel.store.get().line.phase !== "in") return;
    if (reason === "duplicate") this.finish("taken_over", null);
    else if (reason === "refused")
      this.finish(refusal?.code === "meeting_over" ? "ended" : "refused", refusal);
    else if (reason !== "left" && this.cancelWord === null) {
      // Removed, or the room is closed. If the channel knows nothing of it, it was no decision of ours.
      this.cancelWord = this.env.after(WORD_MS, () => {
        this.cancelWord = null;
        if (this.channel.store.get().line.phase !== "in") return;
        void this.env.capture();
        this.joinMedia();
      });
    }
  }

  private finish(why: EndWhy, refusal: Refusal | null): void {
    this.over = { kind: "end", why, refusal };
    this.env.remember(false);
    this.channel.stop();
    this.draw();
  }

  private draw(): void {
    const scene = sceneOf(this.channel.store.get().line, this.over);
    if (JSON.stringify(scene) !== JSON.stringify(this.store.get().scene)) this.store.set({ scene });
  }
}
