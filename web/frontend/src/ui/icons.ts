/** The pages' own icons: 24 × 24, drawn with strokes in the colour of the text around them. */

const NS = "http://www.w3.org/2000/svg";
const SLASH = "M4 4 L20 20";

const PATHS = {
  microphone: [
    "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3z",
    "M6 11.5a6 6 0 0 0 12 0",
    "M12 17.5v3",
    "M9 20.5h6",
  ],
  "microphone-off": [
    "M9 7v4.5a3 3 0 0 0 5 2.2",
    "M15 10.5v-4a3 3 0 0 0-5.6-1.5",
    "M6 11.5a6 6 0 0 0 9.8 4.6M18 11.5a6 6 0 0 1-.4 2.1",
    "M12 17.5v3",
    "M9 20.5h6",
    SLASH,
  ],
  camera: [
    "M4.5 7h9a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5h-9a1.5 1.5 0 0 1-1.5-1.5v-7a1.5 1.5 0 0 1 1.5-1.5z",
    "M15 10.7l6-3.2v9l-6-3.2z",
  ],
  "camera-off": [
    "M7 7h6.5a1.5 1.5 0 0 1 1.5 1.5v6.5M14 17h-9.5a1.5 1.5 0 0 1-1.5-1.5v-7a1.5 1.5 0 0 1 1-1.4",
    "M15 10.7l6-3.2v9l-4-2.1",
    SLASH,
  ],
  screen: [
    "M4.5 4.5h15a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-15a1.5 1.5 0 0 1-1.5-1.5v-9a1.5 1.5 0 0 1 1.5-1.5z",
    "M8 20h8",
    "M12 13.5v-6",
    "M9.2 10l2.8-2.8 2.8 2.8",
  ],
  "screen-off": [
    "M4.5 4.5h15a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-15a1.5 1.5 0 0 1-1.5-1.5v-9a1.5 1.5 0 0 1 1.5-1.5z",
    "M8 20h8",
    "M9.5 8l5 5M14.5 8l-5 5",
  ],
  people: [
    "M9 11a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z",
    "M3 19.5c0-3.3 2.7-5.5 6-5.5s6 2.2 6 5.5",
    "M15.5 11.2a3 3 0 0 0 .6-5.9",
    "M17 14.3c2.4.5 4 2.4 4 5.2",
  ],
  sliders: [
    "M4 7h9M17 7h3M4 17h3M11 17h9",
    "M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
    "M9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  ],
  leave: ["M10 4.5h-4a1.5 1.5 0 0 0-1.5 1.5v12a1.5 1.5 0 0 0 1.5 1.5h4", "M14.5 8l4.5 4-4.5 4", "M19 12h-9"],
  sound: ["M4 9.5v5h3.5l5 4v-13l-5 4z", "M16 9a4.2 4.2 0 0 1 0 6", "M18.5 6.5a8 8 0 0 1 0 11"],
  close: ["M6 6l12 12M18 6L6 18"],
  search: ["M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z", "M15.5 15.5L20.5 20.5"],
  previous: ["M14.5 5l-7 7 7 7"],
  next: ["M9.5 5l7 7-7 7"],
  site: ["M4 20.5h16", "M6 20.5v-11M18 20.5v-11M10 20.5v-8M14 20.5v-8", "M3.5 9.5L12 4l8.5 5.5z"],
  person: ["M12 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M5 20c0-3.9 3.1-6 7-6s7 2.1 7 6"],
  info: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z", "M12 11v5.5", "M12 7.4v.2"],
  warning: ["M12 4L21.5 20h-19z", "M12 10v4.5", "M12 17v.2"],
  error: ["M8.5 3.5h7l5 5v7l-5 5h-7l-5-5v-7z", "M12 7.5v5.5", "M12 16v.2"],
  door: ["M6 20.5v-15a1.5 1.5 0 0 1 1.5-1.5h9a1.5 1.5 0 0 1 1.5 1.5v15", "M3.5 20.5h17", "M14.5 12.3v.2"],
  hand: [
    "M8 13.5v-7a1.3 1.3 0 0 1 2.6 0v5M10.6 11v-6a1.3 1.3 0 0 1 2.6 0v6M13.2 11v-4.8a1.3 1.3 0 0 1 2.6 0v8.3",
    "M15.8 10.5a1.3 1.3 0 0 1 2.6 0v4a6 6 0 0 1-6 6c-2.6 0-4-1-5.3-3.3l-2.2-3.8a1.3 1.3 0 0 1 2.2-1.3l1.2 1.6",
  ],
  more: ["M6 12v.2M12 12v.2M18 12v.2"],
  lock: ["M6 11h12v9h-12z", "M8.5 11v-3a3.5 3.5 0 0 1 7 0v3"],
  grid: ["M4.5 4.5h6v6h-6zM13.5 4.5h6v6h-6zM4.5 13.5h6v6h-6zM13.5 13.5h6v6h-6z"],
  lead: ["M5 20.5v-16h12l-2.5 4 2.5 4h-12"],
  clock: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z", "M12 7.5v5l3 2"],
  windows: ["M4 4.5h11v9h-11z", "M9 17v2.5h11v-9h-2"],
} as const;

export type IconName = keyof typeof PATHS;

function svg(name: string): SVGSVGElement {
  const element = document.createElementNS(NS, "svg");
  element.setAttribute("viewBox", "0 0 24 24");
  element.setAttribute("class", `icon icon-${name}`);
  element.setAttribute("aria-hidden", "true");
  element.setAttribute("focusable", "false");
  return element;
}

function shape(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** A decorative icon; the words beside it carry the meaning. */
export function icon(name: IconName): SVGSVGElement {
  const element = svg(name);
  for (const d of PATHS[name]) element.append(shape("path", { d }));
  return element;
}

/** Bars for a line's quality: three, two or one filled; a cross when the connection is lost. */
export function qualityIcon(filled: 0 | 1 | 2 | 3, lost: boolean): SVGSVGElement {
  const element = svg("quality");
  for (const bar of [1, 2, 3]) {
    const height = bar * 5;
    element.append(
      shape("rect", {
        x: bar * 6 - 3,
        y: 20 - height,
        width: 4,
        height,
        rx: 1,
        class: bar <= filled ? "bar-full" : "bar-empty",
      }),
    );
  }
  if (lost) element.append(shape("path", { d: "M5 5l7 7M12 5l-7 7" }));
  return element;
}

/** The mark of the product: an arch between two points. */
export function mark(): SVGSVGElement {
  const element = svg("mark");
  element.append(
    shape("path", { d: "M4 16c2.5-7 13.5-7 16 0" }),
    shape("path", { d: "M8.5 11.7v4.3M12 10.8v5.2M15.5 11.7v4.3" }),
    shape("path", { d: "M2.5 16h19" }),
    shape("circle", { cx: 4, cy: 16, r: 2, class: "dot" }),
    shape("circle", { cx: 20, cy: 16, r: 2, class: "dot" }),
  );
  return element;
}
