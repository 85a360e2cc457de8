"""What the rounds say: medians, with the least and the most."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

Figure = tuple[float, float, float]
"""The median, the least, the most."""


def figure(values: Iterable[float | None]) -> Figure | None:
    found = [value for value in values if value is not None]
    return (median(found), min(found), max(found)) if found else None


@dataclass(frozen=True)
class Figures:
    """All runs of a bench."""

    runs: list[dict]

    def of(self, contestant: str, cell: str) -> list[dict]:
        return [run for run in self.runs if run["contestant"] == contestant and run["cell"] == cell]

    def value(self, contestant: str, cell: str, read: Callable[[dict], float | None]) -> Figure | None:
        return figure(read(run) for run in self.of(contestant, cell))

    def floor(self, cell: str, number: int, part: str = "latency", of: str = "p50") -> float:
        """What the provider alone takes of a request, by the median of the same round: the sum of the calls that are waited for."""
        runs = (run for run in self.of("floor", cell) if run["round"] == number)
        return sum(run[part][of] for run in runs if run[part])

    def added(self, contestant: str, cell: str, of: str, part: str = "latency") -> Figure | None:
        """What a percentile is above the floor."""

        def read(run: dict) -> float | None:
            return run[part][of] - self.floor(cell, run["round"], part) if run[part] else None

        return self.value(contestant, cell, read)

    def failed(self, contestant: str, cell: str) -> tuple[int, int, int]:
        """Right, wrong and unanswered, over all rounds."""
        runs = self.of(contestant, cell)
        return tuple(sum(run[name] for run in runs) for name in ("completed", "wrong", "unanswered"))

    def has(self, cell: str) -> bool:
        return any(run["cell"] == cell for run in self.runs)
