import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components";

import { Wind } from "../ui/Wind";

const PROMPTS = ["explain", "write", "compare", "code"] as const;

/** The empty conversation: a greeting and four questions to start with. */
export function Welcome({ model, onAsk }: { model: string | null; onAsk: (text: string) => void }) {
  const { t } = useTranslation();
  return (
    <div className="welcome">
      <Wind />
      <div className="welcome-text">
        <h1>{t("welcome.title")}</h1>
        <p className="welcome-lead">{model ? t("welcome.lead", { model }) : t("welcome.leadUnknown")}</p>
        <ul className="prompts" aria-label={t("welcome.examples")}>
          {PROMPTS.map((name) => (
            <li key={name}>
              <Button className="prompt" onPress={() => onAsk(t(`welcome.prompts.${name}.text`))}>
                <span className="prompt-title">{t(`welcome.prompts.${name}.title`)}</span>
                <span>{t(`welcome.prompts.${name}.text`)}</span>
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
