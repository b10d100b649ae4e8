/** Says whose hours these are, where the browser goes by others (FC-c10). */

/** Minutes behind UTC of Hanoi, all year; as Date.getTimezoneOffset counts. */
const HANOI = -420;

/** Whether clocks of this browser differ from Hanoi's now or half a year from now. */
export function differs(offset: (month: number) => number): boolean {
  return offset(0) !== HANOI || offset(6) !== HANOI;
}

export function zone(note: HTMLElement): void {
  const year = new Date().getFullYear();
  if (differs((month) => new Date(year, month, 1).getTimezoneOffset())) note.hidden = false;
}
