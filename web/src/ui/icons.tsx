import type { ReactNode } from "react";

function icon(name: string, drawing: ReactNode) {
  const Icon = () => (
    <svg
      viewBox="0 0 24 24"
      className="size-5"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {drawing}
    </svg>
  );
  Icon.displayName = `${name}Icon`;
  return Icon;
}

export const ArrowUpIcon = icon("ArrowUp", <path d="M12 19V5m-6 6 6-6 6 6" />);
export const ArrowDownIcon = icon("ArrowDown", <path d="M12 5v14m6-6-6 6-6-6" />);
export const StopIcon = icon("Stop", <rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor" />);
export const PlusIcon = icon("Plus", <path d="M12 5v14M5 12h14" />);
export const CheckIcon = icon("Check", <path d="m5 12.5 4.5 4.5L19 7.5" />);
export const CrossIcon = icon("Cross", <path d="m6 6 12 12M18 6 6 18" />);
export const CopyIcon = icon(
  "Copy",
  <>
    <rect x="9" y="9" width="11" height="11" rx="2.5" />
    <path d="M5.5 15A1.5 1.5 0 0 1 4 13.5V6.5A2.5 2.5 0 0 1 6.5 4h7A1.5 1.5 0 0 1 15 5.5" />
  </>,
);
export const AgainIcon = icon(
  "Again",
  <>
    <path d="M19.5 12a7.5 7.5 0 1 1-2.3-5.4L20 9" />
    <path d="M20 4.5V9h-4.5" />
  </>,
);
export const SlidersIcon = icon(
  "Sliders",
  <>
    <path d="M4 8h8m6 0h2M4 16h2m6 0h8" />
    <circle cx="15" cy="8" r="2.5" />
    <circle cx="9" cy="16" r="2.5" />
  </>,
);
export const WarningIcon = icon("Warning", <path d="M12 8.5v4.5m0 3v.1M10.7 4.6 3.3 17.5A1.5 1.5 0 0 0 4.6 19.8h14.8a1.5 1.5 0 0 0 1.3-2.3L13.3 4.6a1.5 1.5 0 0 0-2.6 0Z" />);
