/** Native dialogs: opened and closed by buttons, by Escape too; focus goes back to what opened them. */

const openers = new WeakMap<HTMLDialogElement, HTMLElement>();

function open(dialog: HTMLDialogElement, opener: HTMLElement | null): void {
  if (dialog.open) return;
  if (opener !== null) openers.set(dialog, opener);
  dialog.showModal();
}

/** Keeps one dialog; one with `data-open` opens at once, as after a refused form in it. */
export function dialog(element: HTMLElement): void {
  if (!(element instanceof HTMLDialogElement)) return;
  element.addEventListener("close", () => {
    const opener = openers.get(element);
    (opener?.isConnected ? opener : document.getElementById("content"))?.focus();
  });
  if (element.dataset["open"] !== undefined) open(element, null);
}

/** Listens for all buttons of dialogs, those of parts that come later too. */
export function installDialogs(): void {
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest<HTMLElement>("[data-dialog]");
    const wanted = document.getElementById(opener?.dataset["dialog"] ?? "");
    if (opener !== null && wanted instanceof HTMLDialogElement) open(wanted, opener);
    if (event.target.closest("[data-close]") !== null) event.target.closest("dialog")?.close();
  });
}
