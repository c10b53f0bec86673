"""Tasks that must be over before their work is."""

import asyncio
from typing import Any


async def cancel_all(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until their `finally` blocks have run. Their results and errors are dropped."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # marks it as seen
