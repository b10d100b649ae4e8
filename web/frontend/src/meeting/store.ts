/** A plain observable value: the meeting layer writes, the pages read. */

export type Listener<T> = (state: T) => void;

export interface ReadableStore<T> {
  get(): T;
  /** Calls `listener` after changes, once for all changes of one turn; returns the way to stop. */
  subscribe(listener: Listener<T>): () => void;
}

export class Store<T extends object> implements ReadableStore<T> {
  private readonly listeners = new Set<Listener<T>>();
  private scheduled = false;

  constructor(
    private state: T,
    private readonly schedule: (run: () => void) => void = (run) => queueMicrotask(run),
  ) {}

  get(): T {
    return this.state;
  }

  /** Merges `change`; listeners are told only if some value differs. */
  set(change: Partial<T>): void {
    const keys = Object.keys(change) as (keyof T)[];
    if (keys.every((key) => Object.is(this.state[key], change[key]))) return;
    this.state = { ...this.state, ...change };
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => {
      this.scheduled = false;
      for (const listener of [...this.listeners]) listener(this.state);
    });
  }

  subscribe(listener: Listener<T>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
