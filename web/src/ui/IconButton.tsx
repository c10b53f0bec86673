import type { ReactNode } from "react";
import { Button, type ButtonProps, Tooltip, TooltipTrigger } from "react-aria-components";

interface IconButtonProps extends Omit<ButtonProps, "children" | "className"> {
  label: string;
  children: ReactNode;
  className?: string;
}

/** A button that shows an icon: its name is read by screen readers, and seen on hover and on focus. */
export function IconButton({ label, children, className = "", ...props }: IconButtonProps) {
  return (
    <TooltipTrigger delay={500}>
      <Button {...props} aria-label={label} className={`icon-button ${className}`}>
        {children}
      </Button>
      <Tooltip offset={6} className="tooltip">
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}
