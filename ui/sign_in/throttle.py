"""How fast somebody may guess: `Throttle`, with waits that grow."""

import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 3
"""Wrong tries before the first wait."""

LONGEST = {"name": 60.0, "peer": 300.0}
"""Seconds of the longest wait. A name's is short: by it a stranger can keep its owner out."""

FORGET = 900.0
"""Seconds without a try after which all is forgotten."""

MOST = 10_000
"""Names and peers that are kept."""

Key = tuple[str, str]
"""What is counted: ("name", whose) or ("peer", from where)."""


class Throttle:
    """Tries by name and by peer, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def begin(self, *keys: Key) -> float:
        """Seconds to wait; 0: go on, and the try counts as a wrong one until `right`, so that many at once do
        not all pass."""
        wait = max(self._wait(key) for key in keys)
        if wait <= 0:
            for key in keys:
                self._tries[key] = (self._count(key) + 1, self._clock())
                self._tries.move_to_end(key)
            while len(self._tries) > MOST:
                self._tries.popitem(last=False)
        return max(0.0, wait)

    def right(self, *keys: Key) -> None:
        """The password was right: what was counted of these is forgotten."""
        for key in keys:
            self._tries.pop(key, None)

    def _count(self, key: Key) -> int:
        count, last = self._tries.get(key, (0, 0.0))
        return count if self._clock() - last < FORGET else 0

    def _wait(self, key: Key) -> float:
        count = self._count(key)
        if count < FREE:
            return 0.0
        wait = min(LONGEST[key[0]], 2.0 ** (count - FREE + 1))
        return self._tries[key][1] + wait - self._clock()
