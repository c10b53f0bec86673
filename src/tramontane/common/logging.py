"""One way to log: standard library loggers, one line a record, to standard error."""

import logging
import sys
import time


def configure_logging(level: str = "INFO") -> None:
    """Send every logger's records to standard error as `2026-01-31T12:00:00Z INFO room.module: text`."""
    formatter = logging.Formatter(
        "%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%SZ"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel(
        "DEBUG" if level.upper() == "DEBUG" else "WARNING"
    )  # a line a request
