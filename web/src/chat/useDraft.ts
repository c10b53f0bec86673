import { useEffect, useState } from "react";

const KEY = "tramontane.draft";

function readDraft(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

/** The message being written: it outlives a reload of this tab. */
export function useDraft(): [string, (text: string) => void] {
  const [draft, setDraft] = useState(readDraft);
  useEffect(() => {
    try {
      sessionStorage.setItem(KEY, draft);
    } catch {
      // Without storage the draft lasts as long as the page.
    }
  }, [draft]);
  return [draft, setDraft];
}
