/** Input methods: Telex and others end a word with keys that mean nothing to the page. */

/** True if the key belongs to a word that an input method has not finished. */
export function isComposing(event: KeyboardEvent): boolean {
  // Some input methods announce a key that they take for themselves only by its old number.
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other sign
  return event.isComposing || event.key === "Process" || event.keyCode === 229;
}

/**
 * Calls `changed` with the field's text once it has rested for `rest` ms; never for an unfinished word,
 * and never twice for the same text.
 */
export function whenWritten(
  field: HTMLInputElement,
  rest: number,
  changed: (text: string) => void,
): () => void {
  let composing = false;
  let timer = 0;
  let last = field.value;
  const look = (): void => {
    clearTimeout(timer);
    if (composing || field.value === last) return;
    last = field.value;
    changed(last);
  };
  const later = (): void => {
    clearTimeout(timer);
    if (!composing) timer = setTimeout(look, rest);
  };
  field.addEventListener("compositionstart", () => {
    composing = true;
    clearTimeout(timer);
  });
  field.addEventListener("compositionend", () => {
    composing = false;
    later();
  });
  field.addEventListener("input", later);
  return look;
}
