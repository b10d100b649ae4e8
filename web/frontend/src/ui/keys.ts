/** Shortcuts of the meeting: single letters, dead in fields and while an input method composes. */

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable='false'])";

/** The letter that `event` means as a shortcut, or null if it means something else. */
export function shortcut(event: KeyboardEvent): string | null {
  // Some input methods announce a key that they take for themselves only by its old number.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other sign
  const number = event.keyCode;
  if (event.isComposing || event.key === "Process" || number === 229) return null;
  if (event.repeat || event.defaultPrevented) return null;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return null;
  if (event.target instanceof Element && event.target.closest(FIELDS) !== null) return null;
  return event.key.length === 1 ? event.key.toLowerCase() : null;
}

export function installKeys(actions: Readonly<Record<string, () => void>>): void {
  document.addEventListener("keydown", (event) => {
    const key = shortcut(event);
    if (key !== null) actions[key]?.();
  });
}
