"""Who may call what: API keys, scopes, and how often."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from twinface.service.errors import ApiError
from twinface.service.keys import SCOPES, KeyChecker, Scope
from twinface.service.work import WorkQueue

# What proxies add to the requests that they pass on, besides headers that begin with "x-forwarded-".
_OF_PROXIES = {"forwarded", "via", "x-real-ip"}
_BUCKETS = 10_000
# For the OpenAPI document alone: `Access.check` reads the header.
_BEARER = HTTPBearer(
    auto_error=False, description="A key of `twinface keys make`; needed as soon as one was ever made"
)


@dataclass(frozen=True)
class Caller:
    """Somebody who calls.

    Attributes:
        id: of the key; "local" for this machine, where no key was ever made.
        scopes: what the caller may do.
    """

    id: str
    scopes: tuple[Scope, ...]


class RateLimit:
    """A token bucket for each caller. It is one of this process: with several processes each has its own.

    Args:
        rate: calls a second on average; 0 for no limit. Twice as many may come at once.
        clock: in seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Takes one call; 0 if it may be made, else the seconds after which it may."""
        if not self._rate:
            return 0.0
        now, most = self._clock(), max(1.0, 2 * self._rate)
        left, at = self._buckets.pop(caller, (most, now))
        left = min(most, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[caller] = (left - (not wait), now)
        while len(self._buckets) > _BUCKETS:
            self._buckets.popitem(last=False)
        return wait


class Access:
    """Decides who a caller is.

    Until the first key is made, everybody on this machine may do everything, if the service listens to this machine
    alone; it stays over when all keys are revoked. Requests that a proxy says it has passed on, and those that name
    another host, are refused then: a proxy makes everybody look local, and a foreign page can make a browser call a
    name that it has pointed to this machine. A proxy that adds no header cannot be told from a caller on this machine:
    make a key before one is set up.

    Args:
        keys: checks keys.
        is_local: whether the service listens to this machine alone.
        rate: see `RateLimit`.
        work: a queue for checking keys.
    """

    def __init__(self, keys: KeyChecker, is_local: bool, rate: float, work: WorkQueue) -> None:
        self._keys, self._is_local, self._work = keys, is_local, work
        self._rates = RateLimit(rate)

    async def caller(self, request: Request) -> Caller | None:
        """Who calls; None for somebody who needs a key and has none.

        Raises:
            ApiError: 401, the key is none of this gallery's, or was revoked.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if text:
            key = await self._work.run(lambda: self._keys.check(text)) if kind.lower() == "bearer" else None
            if key is None:
                raise ApiError(401, "key_needed", "this is no valid key: need `Authorization: Bearer tf_…`")
            return Caller(key.id, key.scopes)
        if not self._is_local:
            return None
        has_key = self._keys.known_any()
        if has_key is None:
            has_key = await self._work.run(self._keys.has_any)
        if has_key:
            return None
        return Caller("local", SCOPES) if _is_direct(request) else None

    async def check(self, request: Request, scope: Scope) -> Caller:
        """Lets a caller in who may do this.

        Raises:
            ApiError: 401 without a key, 403 without the scope, 429 for too many calls.
        """
        caller = await self.caller(request)
        if caller is None:
            raise ApiError(
                401, "key_needed", "need a key: `Authorization: Bearer tf_…` (`twinface keys make`)"
            )
        request.scope["twinface.caller"] = caller.id
        if scope not in caller.scopes:
            raise ApiError(403, "scope_needed", f"this needs a key with the scope {scope}", {"scope": scope})
        if caller.id != "local" and (wait := self._rates.take(caller.id)):
            raise ApiError(429, "too_many_requests", "too many requests with this key", retry=wait)
        return caller


def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """A dependency of a call that needs a scope."""

    async def check(request: Request, _: Annotated[object, Depends(_BEARER)]) -> Caller:
        access: Access = request.app.state.parts.access
        return await access.check(request, scope)

    return check


def _is_direct(request: Request) -> bool:
    headers = request.headers
    if request.client is None or any(
        name in _OF_PROXIES or name.startswith("x-forwarded-") for name in headers
    ):
        return False
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return (name == "localhost" or _is_loopback(name.strip("[]"))) and _is_loopback(request.client.host)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
