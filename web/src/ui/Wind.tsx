const WIDTH = 1200;
const HEIGHT = 560;
const STEP = 12;
/** Heights of the streamlines over the ground, closer together near it, as air is over a ridge. */
const LINES = [8, 22, 39, 59, 83, 111, 144, 182, 225, 273, 326];

/** The ground: a foothill, then the Pyrenees' last ridge. */
function ridge(x: number): number {
  return 250 * Math.exp(-(((x - 860) / 150) ** 2)) + 60 * Math.exp(-(((x - 250) / 170) ** 2));
}

/** Air that fell over a ridge swings for a while: the lee waves that gliders look for. */
function leeWave(x: number, above: number): number {
  const behind = x - 960;
  if (behind <= 0) return 0;
  const swing = 30 * Math.sin(behind / 46) * (1 - Math.exp(-((behind / 80) ** 2)));
  return swing * Math.exp(-behind / 300) * Math.exp(-(((above - 150) / 130) ** 2));
}

function streamline(above: number): string {
  const points: string[] = [];
  for (let x = 0; x <= WIDTH; x += STEP) {
    const y = HEIGHT - above - ridge(x) * Math.exp(-above / 190) - leeWave(x, above);
    points.push(`${x} ${y.toFixed(1)}`);
  }
  return `M${points.join("L")}`;
}

const PATHS = LINES.map(streamline);

/** The tramontane coming over the mountains: the first page's backdrop. */
export function Wind() {
  return (
    <svg
      className="wind"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="xMidYMax slice"
      aria-hidden="true"
      fill="none"
      strokeLinejoin="round"
      strokeLinecap="round"
    >
      {PATHS.map((path, index) => (
        <g key={path}>
          <path d={path} className="wind-line" />
          <path d={path} className="wind-gust" pathLength="100" style={{ animationDelay: `${-index * 3.7}s` }} />
        </g>
      ))}
    </svg>
  );
}
