import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components";

import type { Problem } from "../api/problem";
import { WarningIcon } from "../ui/icons";

/** What a person can do when an answer fails, or pleases not. */
export interface Remedies {
  askAgain: () => void;
  /** Puts the question back into the message box. */
  edit: () => void;
  /** Asks the question in a conversation of its own; null when it already is alone. */
  askAfresh: (() => void) | null;
}

/** Says what went wrong and what to do about it. */
export function ProblemView({ problem, remedies }: { problem: Problem; remedies: Remedies | null }) {
  const { t } = useTranslation();
  const mustChange = problem.kind === "tooLong" || problem.kind === "refused";
  return (
    <div className="problem" role="alert">
      <WarningIcon />
      <div>
        <p className="problem-title">{t(`problem.${problem.kind}.title`)}</p>
        <p>{t(`problem.${problem.kind}.remedy`)}</p>
        {problem.detail && (
          <p className="problem-detail">
            {t("problem.detail")} <span lang="en">{problem.detail}</span>
          </p>
        )}
        {remedies && (
          <div className="problem-actions">
            {problem.kind !== "tooLong" && (
              <Button className="button" onPress={remedies.askAgain}>
                {t("problem.retry")}
              </Button>
            )}
            {mustChange && (
              <Button className="button" onPress={remedies.edit}>
                {t("problem.edit")}
              </Button>
            )}
            {problem.kind === "tooLong" && remedies.askAfresh && (
              <Button className="button" onPress={remedies.askAfresh}>
                {t("problem.askAfresh")}
              </Button>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
