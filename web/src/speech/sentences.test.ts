import { describe, expect, it } from "vitest";

import { plain, sentenceReader } from "./sentences";

/** What is said in all when `text` comes in pieces of `size` characters. */
function sayInPieces(text: string, size: number): string[] {
  const reader = sentenceReader("Code.");
  const said: string[] = [];
  for (let end = size; end < text.length + size; end += size) said.push(...reader.read(text.slice(0, end), false));
  return [...said, ...reader.read(text, true)];
}

describe("sentenceReader", () => {
  it("says a sentence only once it is whole", () => {
    const reader = sentenceReader("Code.");
    expect(reader.read("The sky is", false)).toEqual([]);
    expect(reader.read("The sky is blue.", false)).toEqual([]);
    expect(reader.read("The sky is blue. At", false)).toEqual(["The sky is blue."]);
    expect(reader.read("The sky is blue. At night, no", true)).toEqual(["At night, no"]);
    expect(reader.read("The sky is blue. At night, no", true)).toEqual([]);
  });

  it("keeps French marks, numbers and list numbers in their sentence", () => {
    const text = "Vraiment ? Oui : 3.14 suffit.\n1. Un pas\n2. Un autre";
    expect(sayInPieces(text, 4)).toEqual(["Vraiment ?", "Oui :", "3.14 suffit.", "1. Un pas", "2. Un autre"]);
  });

  it("names code in place of reading it", () => {
    const text = "Voici :\n\n```python\nprint(1). Not said.\n```\n\nFini.";
    expect(sayInPieces(text, 3)).toEqual(["Voici :", "Code.", "Fini."]);
  });

  it("says the same however the text was cut", () => {
    const text = "# Title\n\nOne **bold** word. Two!\n\n- [x] done\n- [link](https://a.example)\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n";
    const whole = sayInPieces(text, text.length);
    expect(whole).toEqual(["Title", "One bold word.", "Two!", "done", "link", "a, b", "1, 2"]);
    for (let size = 1; size < 20; size++) expect(sayInPieces(text, size)).toEqual(whole);
  });
});

describe("plain", () => {
  it("leaves Markdown's marks out and words as they are", () => {
    expect(plain("> **Note** that `x` is _small_")).toBe("Note that x is small");
    expect(plain("![a map](https://a.example/m.png)")).toBe("a map");
    expect(plain("snake_case and 2 * 3")).toBe("snake_case and 2 * 3");
    expect(plain("|---|:-:|")).toBe("");
  });
});
