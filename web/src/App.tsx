import { type MouseEvent, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { preloadMarkdown } from "./chat/AnswerView";
import { Composer, COMPOSER_ID } from "./chat/Composer";
import { lastAnswer } from "./chat/conversation";
import { ProblemView } from "./chat/ProblemView";
import { Transcript } from "./chat/Transcript";
import { useChat } from "./chat/useChat";
import { useDraft } from "./chat/useDraft";
import { useEscape } from "./chat/useEscape";
import { displayName, useModel } from "./chat/useModel";
import { Welcome } from "./chat/Welcome";
import { Header } from "./Header";
import { Announcer } from "./speech/Announcer";

export function App() {
  const { t } = useTranslation();
  const model = useModel();
  const chat = useChat(model.name);
  const [draft, setDraft] = useDraft();
  const field = useRef<HTMLTextAreaElement>(null);
  const name = model.name ? displayName(model.name) : null;
  const empty = chat.messages.length === 0;

  useEffect(() => {
    preloadMarkdown();
    focusUnlessTouch(field.current);
  }, []);
  useEscape(chat.stop, chat.answering);

  const focusField = () => field.current?.focus();
  /** Does `act`, whose button then goes away: the focus moves to the message box and is not lost. */
  const andWrite = (act: () => void) => () => {
    act();
    focusUnlessTouch(field.current);
  };
  const skip = (event: MouseEvent) => {
    event.preventDefault();
    focusField();
  };
  const edit = () => {
    // What was being written meanwhile is kept after it.
    setDraft([chat.withdraw(), draft].filter(Boolean).join("\n"));
    focusField();
  };
  const remedies = {
    askAgain: andWrite(chat.askAgain),
    edit,
    askAfresh: chat.messages.length > 2 ? andWrite(chat.askAfresh) : null,
  };

  return (
    <div className="page">
      <a href={`#${COMPOSER_ID}`} className="skip" onClick={skip}>
        {t("skip")}
      </a>
      <Header model={name} onNewChat={empty ? null : andWrite(chat.clear)} />
      <main className="main">
        {empty ? (
          <Welcome model={name} onAsk={(text) => andWrite(() => chat.ask(text))()} />
        ) : (
          <Transcript messages={chat.messages} remedies={remedies} />
        )}
        <div className="column dock">
          {empty && model.problem && <ProblemView problem={model.problem} remedies={null} />}
          <Composer
            draft={draft}
            onDraft={setDraft}
            onSend={chat.ask}
            onStop={andWrite(chat.stop)}
            answering={chat.answering}
            field={field}
          />
          <p className="caution">{t("composer.caution")}</p>
        </div>
        <Announcer answer={lastAnswer(chat.messages)} />
      </main>
    </div>
  );
}

/** A phone would cover half the page with its keyboard. */
function focusUnlessTouch(element: HTMLElement | null): void {
  if (window.matchMedia("(pointer: fine)").matches) element?.focus();
}
