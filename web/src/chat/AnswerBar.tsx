import { useTranslation } from "react-i18next";

import { CopyButton } from "../ui/CopyButton";
import { IconButton } from "../ui/IconButton";
import { AgainIcon } from "../ui/icons";
import type { Answer } from "./conversation";

interface AnswerBarProps {
  answer: Answer;
  name: string;
  onAgain: (() => void) | null;
}

/** Under an answer: what one can do with it, and what it took. */
export function AnswerBar({ answer, name, onAgain }: AnswerBarProps) {
  const { t, i18n } = useTranslation();
  const digits = (value: number, maximumFractionDigits = 0) =>
    new Intl.NumberFormat(i18n.language, { maximumFractionDigits }).format(value);

  const facts: string[] = [];
  if (answer.model) facts.push(name);
  if (answer.tokens !== null) facts.push(t("chat.tokens", { count: answer.tokens, value: digits(answer.tokens) }));
  if (answer.tokensPerSecond !== null) {
    facts.push(t("chat.rate", { value: digits(answer.tokensPerSecond, answer.tokensPerSecond < 10 ? 1 : 0) }));
  }
  return (
    <div className="answer-bar">
      {answer.text && <CopyButton label={t("chat.copy")} text={answer.text} />}
      {onAgain && !answer.problem && (
        <IconButton label={t("chat.regenerate")} onPress={onAgain}>
          <AgainIcon />
        </IconButton>
      )}
      {facts.length > 0 && <p className="facts">{facts.join(" · ")}</p>}
    </div>
  );
}
