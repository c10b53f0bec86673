import { useEffect } from "react";

/** Escape calls `act` from anywhere on the page while `active`, unless an open menu or dialog takes it. */
export function useEscape(act: () => void, active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) act();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [act, active]);
}
