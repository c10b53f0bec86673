/**
 * Cuts an answer that is still being written into the sentences that a screen reader should say, each once and whole.
 * Markdown's marks are left out, and a block of code is named, not read.
 */
export interface SentenceReader {
  /** The sentences that became whole, now that the answer's text is `text`, which only ever grows. */
  read: (text: string, finished: boolean) => string[];
}

const FENCE = /^\s*(```|~~~)/;
/** A stop ends a sentence when a space follows it: not in 3.14, nor after the number that opens a list's line. */
const SENTENCE_END = /(?<!^\s*\d{1,3})[.!?…:]+["»”’)]*(?=\s)/u;

export function sentenceReader(codeWord: string): SentenceReader {
  let taken = 0;
  let inCode = false;

  /** Takes the next whole line or sentence from `text`, or returns null when there is none yet. */
  const next = (text: string, finished: boolean): string | null => {
    const rest = text.slice(taken);
    if (!rest) return null;
    const newline = rest.indexOf("\n");
    const line = newline < 0 ? rest : rest.slice(0, newline);
    const lineIsWhole = newline >= 0 || finished;
    const isFence = FENCE.test(line);
    if (isFence || inCode) {
      if (!lineIsWhole) return null;
      taken += line.length + (newline < 0 ? 0 : 1);
      if (!isFence) return "";
      inCode = !inCode;
      return inCode ? codeWord : "";
    }
    const stop = SENTENCE_END.exec(line);
    const end = stop ? stop.index + stop[0].length : lineIsWhole ? line.length : -1;
    if (end < 0) return null;
    taken += end === line.length && newline >= 0 ? end + 1 : end;
    return plain(line.slice(0, end));
  };

  const read = (text: string, finished: boolean): string[] => {
    const sentences: string[] = [];
    for (let sentence = next(text, finished); sentence !== null; sentence = next(text, finished)) {
      if (sentence) sentences.push(sentence);
    }
    return sentences;
  };
  return { read };
}

/** A line of Markdown as one would say it. */
export function plain(markdown: string): string {
  return markdown
    .replace(/^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+(?:\[[ x]\]\s+)?)+/, "")
    .replace(/^\s*\|?(?:\s*:?-+:?\s*\|)+\s*:?-*:?\s*$/, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\*\*|__|~~|`/g, "")
    .replace(/(^|\s)[*_](\S)/g, "$1$2")
    .replace(/(\S)[*_](?=\s|[.,;:!?]|$)/g, "$1")
    .replace(/\s*\|\s*/g, ", ")
    .replace(/^[,\s]+|[,\s]+$/g, "");
}
