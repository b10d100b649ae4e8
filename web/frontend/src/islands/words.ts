/** Words for the components of server-made pages: in the language in which the server made the page. */
import { catalogue, type MessageKey } from "../generated/catalogue";

export function t(key: MessageKey, values: Readonly<Record<string, string | number>> = {}): string {
  const language = document.documentElement.lang === "en" ? "en" : "vi";
  return catalogue[key][language].replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}
