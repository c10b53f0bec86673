import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import { readChoice, writeChoice } from "../ui/choices";
import en from "./en.json";
import fr from "./fr.json";

export const LANGUAGES = ["fr", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

const KEY = "language";

/** The first of the browser's languages that we speak, else English. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const known = LANGUAGES.find((language) => tag.toLowerCase().split("-")[0] === language);
    if (known) return known;
  }
  return "en";
}

export function chooseLanguage(language: Language): void {
  writeChoice(KEY, language);
  void i18next.changeLanguage(language);
}

export async function startTranslations(): Promise<void> {
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language;
  });
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, fr: { translation: fr } },
    lng: readChoice(KEY, LANGUAGES) ?? preferredLanguage(navigator.languages),
    fallbackLng: "en",
    // React escapes already.
    interpolation: { escapeValue: false },
  });
}
