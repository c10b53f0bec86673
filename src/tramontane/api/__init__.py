"""HTTP ↔ engine: one module a dialect over one layer that generates. Never imports torch."""
