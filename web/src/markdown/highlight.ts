import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore, type LanguageInput } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";

export interface ColouredPiece {
  content: string;
  color: string | undefined;
}
export type ColouredLine = ColouredPiece[];

// Each grammar is a file of its own, fetched from our own server when a block first needs it.
const LANGUAGES: Record<string, LanguageInput> = {
  bash: () => import("@shikijs/langs/bash"),
  c: () => import("@shikijs/langs/c"),
  cpp: () => import("@shikijs/langs/cpp"),
  css: () => import("@shikijs/langs/css"),
  diff: () => import("@shikijs/langs/diff"),
  docker: () => import("@shikijs/langs/docker"),
  go: () => import("@shikijs/langs/go"),
  html: () => import("@shikijs/langs/html"),
  java: () => import("@shikijs/langs/java"),
  javascript: () => import("@shikijs/langs/javascript"),
  json: () => import("@shikijs/langs/json"),
  markdown: () => import("@shikijs/langs/markdown"),
  php: () => import("@shikijs/langs/php"),
  python: () => import("@shikijs/langs/python"),
  r: () => import("@shikijs/langs/r"),
  rust: () => import("@shikijs/langs/rust"),
  sql: () => import("@shikijs/langs/sql"),
  toml: () => import("@shikijs/langs/toml"),
  tsx: () => import("@shikijs/langs/tsx"),
  typescript: () => import("@shikijs/langs/typescript"),
  yaml: () => import("@shikijs/langs/yaml"),
};

const ALIASES: Record<string, string> = {
  "c++": "cpp",
  console: "bash",
  dockerfile: "docker",
  js: "javascript",
  jsx: "tsx",
  md: "markdown",
  py: "python",
  rs: "rust",
  sh: "bash",
  shell: "bash",
  ts: "typescript",
  yml: "yaml",
  zsh: "bash",
};

// Colours are the page's own variables, so that light and dark need no second pass.
const THEME = createCssVariablesTheme({ name: "tramontane", variablePrefix: "--code-", fontStyle: false });

/** Longer code than this, in characters, stays plain: colouring it would hold the page up. */
const LONGEST = 40_000;

/** A line may take this long, in ms: a busy machine needs more than the usual 500 to prepare a grammar. */
const SLOWEST_MS = 5000;

let highlighter: Promise<HighlighterCore> | undefined;

/** The lines of `text` with their colours, or null for a language that we do not colour. */
export async function highlight(text: string, named: string): Promise<ColouredLine[] | null> {
  const lower = named.toLowerCase();
  const language = ALIASES[lower] ?? lower;
  const grammar = Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language] : undefined;
  if (!grammar || text.length > LONGEST) return null;
  // The engine in JavaScript: the other one is WebAssembly, which the content security policy does not let in.
  highlighter ??= createHighlighterCore({
    themes: [THEME],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  const shiki = await highlighter;
  await shiki.loadLanguage(grammar);
  const { tokens } = shiki.codeToTokens(text, { lang: language, theme: "tramontane", tokenizeTimeLimit: SLOWEST_MS });
  return tokens.map((line) => line.map(({ content, color }) => ({ content, color })));
}
