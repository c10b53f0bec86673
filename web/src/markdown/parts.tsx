import type { ComponentProps } from "react";
import { useTranslation } from "react-i18next";
import type { ExtraProps } from "streamdown";

const OPENABLE = /^(https?:|mailto:)/i;

/** A link that opens elsewhere and tells the other side nothing; a link we would not open is plain text. */
export function SafeLink({ href, children }: ComponentProps<"a"> & ExtraProps) {
  const { t } = useTranslation();
  if (!href || !OPENABLE.test(href)) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      {children}
      <span className="sr-only"> {t("markdown.newTab")}</span>
    </a>
  );
}

/** Stands for an image. Fetching one would tell its server what was said here: an answer could carry words out. */
export function ImageNotice({ alt, src }: ComponentProps<"img"> & ExtraProps) {
  const { t } = useTranslation();
  const said = alt ? t("markdown.image", { alt }) : t("markdown.imageNoAlt");
  return typeof src === "string" && OPENABLE.test(src) ? <SafeLink href={src}>{said}</SafeLink> : <em>{said}</em>;
}

export function ScrollTable({ children }: ComponentProps<"table"> & ExtraProps) {
  const { t } = useTranslation();
  return (
    <div className="table-scroll" role="group" aria-label={t("markdown.table")} tabIndex={0}>
      <table>{children}</table>
    </div>
  );
}

/** A task list's box: it shows, it cannot be ticked. */
export function TaskMark({ checked }: ComponentProps<"input"> & ExtraProps) {
  const { t } = useTranslation();
  return (
    <span role="img" className="task" data-done={checked} aria-label={checked ? t("markdown.done") : t("markdown.toDo")} />
  );
}
