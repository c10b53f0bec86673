import type { ExtraProps } from "streamdown";

type Element = NonNullable<ExtraProps["node"]>;

export interface Code {
  language: string | null;
  text: string;
}

/** The code and its language in a `pre` of the parsed Markdown. */
export function codeOf(pre: Element | undefined): Code {
  const child = pre?.children.find((one): one is Element => one.type === "element");
  const classes = child?.properties.className;
  const named = Array.isArray(classes) ? classes.map(String).find((name) => name.startsWith("language-")) : undefined;
  const text = (child?.children ?? []).map((one) => (one.type === "text" ? one.value : "")).join("");
  return { language: named?.slice("language-".length) ?? null, text: text.replace(/\n$/, "") };
}
