// Runs before the first paint, so that a page chosen dark never flashes white. The same key as src/theme/useTheme.ts.
try {
  const chosen = localStorage.getItem("tramontane.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be closed to us: then the system's choice stands.
}
