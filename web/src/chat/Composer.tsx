import { type KeyboardEvent, type RefObject, type SyntheticEvent } from "react";
import { Trans, useTranslation } from "react-i18next";

import { IconButton } from "../ui/IconButton";
import { ArrowUpIcon, StopIcon } from "../ui/icons";

/** What the page's skip link leads to. */
export const COMPOSER_ID = "message";

interface ComposerProps {
  draft: string;
  onDraft: (text: string) => void;
  onSend: (text: string) => void;
  onStop: () => void;
  answering: boolean;
  field: RefObject<HTMLTextAreaElement | null>;
}

export function Composer({ draft, onDraft, onSend, onStop, answering, field }: ComposerProps) {
  const { t } = useTranslation();
  const ready = draft.trim() !== "" && !answering;

  const send = () => {
    if (!ready) return;
    onSend(draft.trim());
    onDraft("");
    field.current?.focus();
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form onSubmit={submit} className="composer">
      <label htmlFor={COMPOSER_ID} className="sr-only">
        {t("composer.label")}
      </label>
      <div className="composer-field" data-text={draft}>
        <textarea
          id={COMPOSER_ID}
          ref={field}
          rows={1}
          value={draft}
          placeholder={t("composer.placeholder")}
          enterKeyHint="send"
          onChange={(event) => onDraft(event.target.value)}
          onKeyDown={onKeyDown}
        />
      </div>
      <div className="composer-bar">
        <p className="composer-hint">
          <Trans i18nKey={answering ? "composer.hintStop" : "composer.hint"} components={{ k: <kbd /> }} />
        </p>
        {answering ? (
          <IconButton label={t("composer.stop")} className="send" onPress={onStop}>
            <StopIcon />
          </IconButton>
        ) : (
          <IconButton label={t("composer.send")} className="send" type="submit" isDisabled={!ready}>
            <ArrowUpIcon />
          </IconButton>
        )}
      </div>
    </form>
  );
}
