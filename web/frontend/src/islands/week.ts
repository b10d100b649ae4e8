/** A week by keyboard: left and right go to the neighbouring day, up and down within the day. */

function links(day: Element | undefined): HTMLElement[] {
  return day === undefined ? [] : Array.from(day.querySelectorAll<HTMLElement>("a"));
}

export function week(list: HTMLElement): void {
  const days = Array.from(list.querySelectorAll("[data-day]"));
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.target instanceof HTMLElement)) return;
    const here = days.findIndex((day) => day.contains(event.target as Node));
    if (here < 0) return;
    const own = links(days[here]);
    const place = own.indexOf(event.target);
    const goals: Readonly<Record<string, HTMLElement | undefined>> = {
      ArrowRight: links(days[here + 1])[0],
      ArrowLeft: links(days[here - 1])[0],
      ArrowDown: own[place + 1],
      ArrowUp: own[place - 1],
      Home: links(days[0])[0],
      End: links(days.at(-1))[0],
    };
    if (!(event.key in goals)) return;
    const goal = goals[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    goal.focus();
  });
}
