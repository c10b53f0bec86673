import { type ComponentProps, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ExtraProps } from "streamdown";
import { useIsCodeFenceIncomplete } from "streamdown";

import { CopyButton } from "../ui/CopyButton";
import { codeOf } from "./code";
import type { ColouredLine } from "./highlight";

type CodeBlockProps = ComponentProps<"pre"> & ExtraProps;

/** A block of code with its language, a copy button, and its colours once the fence is closed. */
export function CodeBlock({ node }: CodeBlockProps) {
  const { t } = useTranslation();
  const { language, text } = codeOf(node);
  const growing = useIsCodeFenceIncomplete();
  const lines = useColours(text, language, growing);
  const label = language ? t("markdown.code", { language }) : t("markdown.plainCode");
  return (
    <div className="code-block">
      <div className="code-bar">
        <span>{language ?? ""}</span>
        <CopyButton label={t("markdown.copyCode")} text={text} />
      </div>
      <pre role="group" aria-label={label} tabIndex={0} translate="no">
        <code>{lines ? <Coloured lines={lines} /> : text}</code>
      </pre>
    </div>
  );
}

function Coloured({ lines }: { lines: ColouredLine[] }) {
  return lines.map((line, index) => (
    <span key={index}>
      {line.map((piece, at) => (
        <span key={at} style={piece.color ? { color: piece.color } : undefined}>
          {piece.content}
        </span>
      ))}
      {index < lines.length - 1 && "\n"}
    </span>
  ));
}

/** The code's coloured lines, or null until they are there, and for languages that we do not colour. */
function useColours(text: string, language: string | null, growing: boolean): ColouredLine[] | null {
  const [found, setFound] = useState<{ text: string; lines: ColouredLine[] } | null>(null);
  useEffect(() => {
    if (growing || !language) return;
    let current = true;
    void import("./highlight")
      .then(({ highlight }) => highlight(text, language))
      .then((lines) => {
        if (current && lines) setFound({ text, lines });
      });
    return () => {
      current = false;
    };
  }, [text, language, growing]);
  return found?.text === text ? found.lines : null;
}
