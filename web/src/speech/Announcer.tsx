import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { Answer } from "../chat/conversation";
import { type SentenceReader, sentenceReader } from "./sentences";

/** So many sentences stay in the live region: enough for a slow screen reader, few enough to stay out of the way. */
const KEPT = 12;

interface Line {
  key: number;
  text: string;
}

/** Says the answer being written to a screen reader, sentence by sentence; nothing of it is seen. */
export function Announcer({ answer }: { answer: Answer | null }) {
  const { t } = useTranslation();
  const [lines, setLines] = useState<Line[]>([]);
  const following = useRef<{ id: number; reader: SentenceReader; ended: boolean } | null>(null);
  const nextKey = useRef(0);

  useEffect(() => {
    if (!answer) return;
    const said: string[] = [];
    if (following.current?.id !== answer.id) {
      following.current = { id: answer.id, reader: sentenceReader(t("speech.code")), ended: false };
      said.push(t("speech.sent"));
    }
    const followed = following.current;
    if (followed.ended) return;
    const ended = answer.status !== "waiting" && answer.status !== "streaming";
    said.push(...followed.reader.read(answer.text, ended));
    followed.ended = ended;
    if (answer.status === "done") said.push(t("speech.finished"));
    if (answer.status === "stopped") said.push(t("speech.stopped"));
    if (said.length === 0) return;
    const fresh = said.map((text) => ({ key: nextKey.current++, text }));
    setLines((old) => [...old, ...fresh].slice(-KEPT));
  }, [answer, t]);

  return (
    <div className="sr-only" aria-live="polite" aria-relevant="additions" aria-atomic="false" data-testid="announcer">
      {lines.map((line) => (
        <p key={line.key}>{line.text}</p>
      ))}
    </div>
  );
}
