"""Tramontane: make, run, offer, talk to and answer for language models.

Each sub-package is a room; a room imports only the rooms above it (see docs/architecture.md).
"""

__version__ = "0.1.0"
