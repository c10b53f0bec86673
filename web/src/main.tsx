import "./styles.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { I18nProvider } from "react-aria-components";
import { useTranslation } from "react-i18next";

import { App } from "./App";
import { startTranslations } from "./i18n";

function Root() {
  const { i18n } = useTranslation();
  return (
    <I18nProvider locale={i18n.language}>
      <App />
    </I18nProvider>
  );
}

await startTranslations();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Root />
    </StrictMode>,
  );
}
