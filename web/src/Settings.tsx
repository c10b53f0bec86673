import { useTranslation } from "react-i18next";
import { Dialog, DialogTrigger, Label, Popover, RadioButton, RadioField, RadioGroup } from "react-aria-components";

import { chooseLanguage, type Language, LANGUAGES } from "./i18n";
import { type Theme, THEMES, useTheme } from "./theme/useTheme";
import { IconButton } from "./ui/IconButton";
import { SlidersIcon } from "./ui/icons";

/** Languages are named in themselves: whoever needs the switch may not read the page's language. */
const LANGUAGE_NAMES: Record<Language, string> = { fr: "Français", en: "English" };

export function Settings() {
  const { t, i18n } = useTranslation();
  const [theme, setTheme] = useTheme();
  return (
    <DialogTrigger>
      <IconButton label={t("header.settings")}>
        <SlidersIcon />
      </IconButton>
      <Popover className="popover" placement="bottom end">
        <Dialog aria-label={t("header.settings")} className="grid gap-4 outline-none">
          <Choice
            label={t("settings.appearance")}
            value={theme}
            options={THEMES.map((id) => ({ id, name: t(`settings.theme.${id}`) }))}
            onChange={setTheme}
          />
          <Choice
            label={t("settings.language")}
            value={i18n.language as Language}
            options={LANGUAGES.map((id) => ({ id, name: LANGUAGE_NAMES[id], lang: id }))}
            onChange={chooseLanguage}
          />
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

interface ChoiceProps<T extends Theme | Language> {
  label: string;
  value: T;
  options: { id: T; name: string; lang?: string }[];
  onChange: (value: T) => void;
}

function Choice<T extends Theme | Language>({ label, value, options, onChange }: ChoiceProps<T>) {
  return (
    <RadioGroup value={value} onChange={(chosen) => onChange(chosen as T)} orientation="horizontal">
      <Label className="choice-label">{label}</Label>
      <div className="choice">
        {options.map(({ id, name, lang }) => (
          <RadioField key={id} value={id} className="flex-1">
            <RadioButton className="choice-option">
              <span lang={lang}>{name}</span>
            </RadioButton>
          </RadioField>
        ))}
      </div>
    </RadioGroup>
  );
}
