import { lazy, memo, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { Gust } from "../ui/Gust";
import { Mark } from "../ui/Mark";
import { AnswerBar } from "./AnswerBar";
import { type Answer, isAnswering } from "./conversation";
import { ProblemView, type Remedies } from "./ProblemView";
import { displayName } from "./useModel";

// Markdown is the page's heaviest part: it comes while the first question is being written.
const loadMarkdown = () => import("../markdown/Markdown");
const Markdown = lazy(loadMarkdown);
export const preloadMarkdown = () => void loadMarkdown();

interface AnswerViewProps {
  answer: Answer;
  /** What can be done about the last answer; null for those before it. */
  remedies: Remedies | null;
}

export const AnswerView = memo(function AnswerView({ answer, remedies }: AnswerViewProps) {
  const { t } = useTranslation();
  const writing = isAnswering(answer);
  const name = answer.model ? displayName(answer.model) : t("chat.assistant");
  return (
    <article className="answer" aria-busy={writing}>
      <Mark className="answer-mark" />
      <div className="answer-body">
        <h2 className="sr-only">{t("chat.answer", { model: name })}</h2>
        {answer.status === "waiting" && (
          <p className="waiting">
            <Gust />
            <span className="sr-only">{t("chat.waiting")}</span>
          </p>
        )}
        {answer.text && (
          <Suspense fallback={<p className="whitespace-pre-wrap">{answer.text}</p>}>
            <Markdown text={answer.text} growing={writing} />
          </Suspense>
        )}
        {answer.status === "stopped" && <p className="note">{t("chat.stopped")}</p>}
        {answer.finish === "length" && <p className="note">{t("chat.cut")}</p>}
        {answer.problem && <ProblemView problem={answer.problem} remedies={remedies} />}
        {!writing && <AnswerBar answer={answer} name={name} onAgain={remedies?.askAgain ?? null} />}
      </div>
    </article>
  );
});
