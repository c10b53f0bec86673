/** The product's mark: a T written by the wind. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={className} aria-hidden="true" fill="none" strokeWidth="3" strokeLinecap="round">
      <path d="M4.5 12.5h18.7a4.2 4.2 0 1 0-4.1-5.1" stroke="currentColor" />
      <path d="M12.5 12.5v6.7c0 4.8 3.3 7.8 7.8 7.8h3.2" className="stroke-ochre" />
    </svg>
  );
}
