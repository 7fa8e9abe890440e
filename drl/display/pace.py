"""How fast a job goes, and how long it will take."""

from __future__ import annotations

import time
from collections import deque

WINDOW = 30.0  # seconds that the speed is taken over


class Pace:
    """Over the last 30 s, from the second report on.

    total  units of the whole job
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.points: deque[tuple[float, int]] = deque()  # time, done

    def __call__(self, done: int) -> str:
        """In words, when `done` units are: "8,900/s, 0:42 left".  Empty where nobody knows yet."""
        now = time.monotonic()
        while len(self.points) > 1 and self.points[1][0] <= now - WINDOW:
            self.points.popleft()
        self.points.append((now, done))
        (start, first) = self.points[0]
        if now <= start or done <= first:
            return ""
        speed = (done - first) / (now - start)
        number = f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"
        return f"{number}/s, {duration((self.total - done) / speed)} left"


def duration(seconds: float) -> str:
    """As a clock shows it: 0:42, 1:02:03."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
