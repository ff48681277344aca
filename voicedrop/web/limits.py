"""How often one may ask: token buckets, in this process."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

REMEMBERED = 10_000  # buckets; the longest unused is forgotten first, and is full again when it comes back


@dataclass
class _Bucket:
    left: float
    at: float


class Buckets:
    """One bucket for each key: `burst` requests at once, filled again by `rate_per_s`."""

    def __init__(self, rate_per_s: float, burst: int, now: Callable[[], float]) -> None:
        self._rate, self._burst, self._now = rate_per_s, burst, now
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, key: Hashable) -> float:
        """Take one; the seconds to wait when there is none, else 0."""
        bucket = self._filled(key)
        if bucket.left >= 1:
            bucket.left -= 1
            return 0.0
        return (1 - bucket.left) / self._rate

    def wait(self, key: Hashable) -> float:
        """The seconds until one can be taken, taking none."""
        return max(0.0, (1 - self._filled(key).left) / self._rate)

    def _filled(self, key: Hashable) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(float(self._burst), now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        bucket.left = min(float(self._burst), bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket


def retry_after(seconds: float) -> dict[str, str]:
    """The header: whole seconds, at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
