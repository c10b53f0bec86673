import { useEffect, useState } from "react";

import { readChoice, writeChoice } from "../ui/choices";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

/** The theme chosen in this browser, and how to choose another. `public/theme.js` applies it before the first paint. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => readChoice(KEY, THEMES) ?? "system");
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  const choose = (chosen: Theme) => {
    writeChoice(KEY, chosen);
    setTheme(chosen);
  };
  return [theme, choose];
}
