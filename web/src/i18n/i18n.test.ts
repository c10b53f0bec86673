import { describe, expect, it } from "vitest";

import { preferredLanguage } from ".";
import en from "./en.json";
import fr from "./fr.json";

/** `{a: {b: "text"}}` → `{"a.b": "text"}`. */
function flat(tree: object, prefix = ""): Record<string, string> {
  const entries = Object.entries(tree).map(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? flat(value, `${prefix}${key}.`) : { [prefix + key]: String(value) },
  );
  return Object.assign({}, ...entries) as Record<string, string>;
}

/** The parts of a text that the program fills in or styles: `{{name}}`, `<k>`. */
const slots = (text: string) => (text.match(/\{\{\w+\}\}|<\/?\w+>/g) ?? []).sort();

const english = flat(en);
const french = flat(fr);

describe("translations", () => {
  it("have the same keys in both languages", () => {
    expect(Object.keys(french).sort()).toEqual(Object.keys(english).sort());
  });

  it.each(Object.keys(english))("%s says something, with the same slots", (key) => {
    expect(english[key]?.trim()).toBeTruthy();
    expect(french[key]?.trim()).toBeTruthy();
    expect(slots(french[key] ?? "")).toEqual(slots(english[key] ?? ""));
  });

  it("never let a French mark fall alone on the next line", () => {
    // Prompts go to the model, and are written as people write them.
    const texts = Object.entries(french).filter(([key]) => !key.startsWith("welcome.prompts"));
    expect(texts.filter(([, text]) => / [:;?!»]|« /.test(text))).toEqual([]);
  });
});

describe("preferredLanguage", () => {
  it.each([
    [["fr-FR", "en"], "fr"],
    [["FR"], "fr"],
    [["en-GB", "fr"], "en"],
    [["de", "fr-CH", "en"], "fr"],
    [["de", "it"], "en"],
    [["fro"], "en"],
    [[], "en"],
  ])("%j → %s", (wanted, expected) => {
    expect(preferredLanguage(wanted)).toBe(expected);
  });
});
