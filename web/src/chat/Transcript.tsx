import { memo } from "react";
import { useTranslation } from "react-i18next";
import { useStickToBottom } from "use-stick-to-bottom";

import { IconButton } from "../ui/IconButton";
import { ArrowDownIcon } from "../ui/icons";
import { AnswerView } from "./AnswerView";
import type { Message, Question } from "./conversation";
import type { Remedies } from "./ProblemView";

/** The conversation. It follows the answer being written until its reader scrolls up. */
export function Transcript({ messages, remedies }: { messages: readonly Message[]; remedies: Remedies }) {
  const { t } = useTranslation();
  const { scrollRef, contentRef, isAtBottom, scrollToBottom } = useStickToBottom({
    initial: "instant",
    resize: "instant",
  });
  return (
    <div className="transcript">
      <div ref={scrollRef} className="transcript-scroll" role="region" aria-label={t("chat.region")} tabIndex={0}>
        <div ref={contentRef} className="column">
          <h1 className="sr-only">{t("chat.region")}</h1>
          {messages.map((message, index) =>
            message.role === "user" ? (
              <QuestionView key={message.id} question={message} />
            ) : (
              <AnswerView
                key={message.id}
                answer={message}
                remedies={index === messages.length - 1 ? remedies : null}
              />
            ),
          )}
        </div>
      </div>
      {!isAtBottom && (
        <IconButton label={t("chat.toEnd")} className="to-end" onPress={() => void scrollToBottom("instant")}>
          <ArrowDownIcon />
        </IconButton>
      )}
    </div>
  );
}

const QuestionView = memo(function QuestionView({ question }: { question: Question }) {
  const { t } = useTranslation();
  return (
    <article className="question">
      <h2 className="sr-only">{t("chat.you")}</h2>
      <p>{question.text}</p>
    </article>
  );
});
