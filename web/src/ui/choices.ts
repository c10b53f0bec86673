/** Small choices that this browser remembers. Where storage is closed to us, they last as long as the page. */

const PREFIX = "tramontane.";

export function readChoice<T extends string>(name: string, allowed: readonly T[]): T | null {
  try {
    const stored = localStorage.getItem(PREFIX + name);
    return allowed.find((choice) => choice === stored) ?? null;
  } catch {
    return null;
  }
}

export function writeChoice(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows may refuse: nothing depends on it.
  }
}
