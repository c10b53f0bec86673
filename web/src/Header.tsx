import { useTranslation } from "react-i18next";
import { Button } from "react-aria-components";

import { Settings } from "./Settings";
import { PlusIcon } from "./ui/icons";
import { Mark } from "./ui/Mark";

interface HeaderProps {
  model: string | null;
  onNewChat: (() => void) | null;
}

export function Header({ model, onNewChat }: HeaderProps) {
  const { t } = useTranslation();
  return (
    <header className="header">
      <p className="brand">
        <Mark className="size-7 text-sky" />
        <span>Tramontane</span>
      </p>
      {model && (
        <p className="model">
          <span className="sr-only">{t("header.model", { name: model })}</span>
          <span aria-hidden="true">{model}</span>
        </p>
      )}
      <div className="ms-auto flex items-center gap-1">
        {onNewChat && (
          <Button className="button" onPress={onNewChat}>
            <PlusIcon />
            <span className="max-sm:sr-only">{t("header.newChat")}</span>
          </Button>
        )}
        <Settings />
      </div>
    </header>
  );
}
