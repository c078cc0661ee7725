"""Clients that are there, and neither say nor take anything: they are waited for, but not for ever."""

import asyncio
from collections.abc import Awaitable


class Quiet(Exception):
    """Nothing came, or nothing was taken, for too long."""


async def taken(sending: Awaitable[None], seconds: float) -> None:
    """Waits until a client has taken what is sent, or buffers have.

    Raises:
        Quiet: neither did.
    """
    try:
        async with asyncio.timeout(seconds):
            await sending
    except TimeoutError:
        raise Quiet from None
