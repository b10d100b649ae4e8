export function parsePo(text: string, file: string): Map<string, string>;
export function problems(
  all: ReadonlyMap<string, ReadonlyMap<string, string>>,
  sources: readonly string[],
): string[];
export function main(check: boolean): number;
