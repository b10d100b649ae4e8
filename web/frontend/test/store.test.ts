import { describe, expect, it, vi } from "vitest";
import { Store } from "../src/meeting/store";

function make(): { store: Store<{ a: number; b: string }>; turn: () => void; waiting: () => number } {
  const queue: (() => void)[] = [];
  const store = new Store({ a: 1, b: "x" }, (run) => queue.push(run));
  return { store, turn: () => queue.splice(0).forEach((run) => run()), waiting: () => queue.length };
}

describe("Store", () => {
  it("tells listeners once for all changes of a turn", () => {
    const { store, turn } = make();
    const seen = vi.fn();
    store.subscribe(seen);
    store.set({ a: 2 });
    store.set({ b: "y" });
    expect(seen).not.toHaveBeenCalled();
    turn();
    expect(seen.mock.calls).toEqual([[{ a: 2, b: "y" }]]);
  });

  it("stays silent if nothing differs", () => {
    const { store, waiting } = make();
    store.set({ a: 1, b: "x" });
    expect(waiting()).toBe(0);
  });

  it("stops telling who has unsubscribed, even in the middle", () => {
    const { store, turn } = make();
    const second = vi.fn();
    const stop: (() => void)[] = [];
    store.subscribe(() => stop.forEach((run) => run()));
    stop.push(store.subscribe(second));
    store.set({ a: 3 });
    turn();
    store.set({ a: 4 });
    turn();
    expect(second).toHaveBeenCalledTimes(1);
  });

  it("works with the platform's own microtasks", async () => {
    const store = new Store({ a: 0 });
    const seen = vi.fn();
    store.subscribe(seen);
    store.set({ a: 1 });
    await Promise.resolve();
    expect(seen).toHaveBeenCalledTimes(1);
  });
});
