/** Three strokes of wind that blow while an answer is awaited. */
export function Gust() {
  return (
    <svg viewBox="0 0 40 20" className="gust" aria-hidden="true" fill="none" strokeWidth="2" strokeLinecap="round">
      <path pathLength="1" d="M2 5h24" />
      <path pathLength="1" d="M6 10.5h30" />
      <path pathLength="1" d="M2 16h19" />
    </svg>
  );
}
