/** A form of filters that sends itself once one is chosen; its button is for those without scripts. */

export function auto(form: HTMLElement): void {
  if (!(form instanceof HTMLFormElement)) return;
  form.addEventListener("change", () => form.requestSubmit());
}
