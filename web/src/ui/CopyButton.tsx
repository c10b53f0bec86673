import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { copyText } from "./clipboard";
import { IconButton } from "./IconButton";
import { CheckIcon, CopyIcon, CrossIcon } from "./icons";

const SHOWN_MS = 2000;

/** Copies `text`, and says for two seconds whether it did. */
export function CopyButton({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation();
  const [outcome, setOutcome] = useState<"copied" | "failed" | null>(null);
  const timer = useRef<number>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const copy = async () => {
    setOutcome((await copyText(text)) ? "copied" : "failed");
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setOutcome(null), SHOWN_MS);
  };

  const said = outcome === "copied" ? t("chat.copied") : outcome === "failed" ? t("chat.copyFailed") : "";
  return (
    <>
      <IconButton label={said || label} onPress={() => void copy()}>
        {outcome === "copied" ? <CheckIcon /> : outcome === "failed" ? <CrossIcon /> : <CopyIcon />}
      </IconButton>
      <span className="sr-only" role="status">
        {said}
      </span>
    </>
  );
}
