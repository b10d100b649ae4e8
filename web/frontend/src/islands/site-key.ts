/**
 * A site's browser that was started with its key in the address, `/kiosk#key=…`, signs itself in. The
 * part behind the # never leaves the browser; it stays in the address, so that a session that ended while
 * nobody was there begins anew.
 */
const FIRST_MS = 3_000;
const LONGEST_MS = 60_000;

/** The key in the address, or nothing. */
export function keyIn(hash: string): string {
  return new URLSearchParams(hash.replace(/^#/, "")).get("key")?.trim() ?? "";
}

export interface Door {
  /** Sends the form with the key; never rejects. `goal` is where the server led to. */
  send(key: string): Promise<{ readonly status: number; readonly goal: string; readonly waitMs: number }>;
  go(goal: string): void;
  /** The key is wrong: a person must see it. */
  show(key: string): void;
  reload(): void;
  after(ms: number, run: () => void): void;
  random(): number;
}

/** Tries until it is in or the key is refused; `tries` were in vain so far. */
export async function signIn(door: Door, key: string, tries = 0): Promise<void> {
  const { status, goal, waitMs } = await door.send(key);
  if (status === 200) door.go(goal);
  else if (status === 422) door.show(key);
  else {
    const usual = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10)) * (0.5 + door.random());
    const ms = Math.max(waitMs, usual);
    // The form's token may be older than the server's secret.
    if (status === 403) door.after(ms, () => door.reload());
    else door.after(ms, () => void signIn(door, key, tries + 1));
  }
}

async function send(form: HTMLFormElement, key: string): ReturnType<Door["send"]> {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields.set(name, value);
  fields.set("key", key);
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: fields,
      headers: { Accept: "text/html" },
      credentials: "same-origin",
      signal: AbortSignal.timeout(20_000),
    });
    const seconds = Number(answer.headers.get("Retry-After") ?? "0");
    const waitMs = Number.isFinite(seconds) ? seconds * 1000 : 0;
    return { status: answer.status, goal: answer.url, waitMs };
  } catch {
    return { status: 0, goal: "", waitMs: 0 };
  }
}

/** To be called on every page; does something on that of a site's sign-in alone. */
export function installSiteKey(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-site-key]");
  const key = keyIn(location.hash);
  if (form === null || key === "") return;
  const door: Door = {
    send: (sent) => send(form, sent),
    go: (goal) => location.replace(goal + location.hash),
    show: (wrong) => {
      const field = form.querySelector<HTMLInputElement>("input[name=key]");
      if (field !== null) field.value = wrong;
      form.requestSubmit();
    },
    reload: () => location.reload(),
    after: (ms, run) => void setTimeout(run, ms),
    random: Math.random,
  };
  void signIn(door, key);
}
