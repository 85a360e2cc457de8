"""What a month costs: Lambent on Lambda, FastAPI on Lambda, FastAPI on Fargate. `bench/cost`.

What a request takes is measured (`bench/run`), prices are in `bench/prices.json`, and the rest is assumed, and printed. What all three
pay alike, the model and what documents are stored for, is left out.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

from . import plots
from .figures import Figures
from .plots import Series

HOURS = 730
SECONDS = HOURS * 3600
VCPU_MB = 1769
"""The memory with which a function has one virtual processor, by AWS's documentation of Lambda."""
UNIT_CONNECTIONS = 25
"""New connections a second that a unit of the load balancer takes."""
LOADS = [10_000, 100_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000, 300_000_000]


@dataclass(frozen=True)
class Taken:
    """What a request takes of its server."""

    cpu_ms: float
    added_ms: float
    """What it lasts beyond the model, on a processor of its own."""


@dataclass(frozen=True)
class Assumed:
    model_seconds: float
    cold: float
    """The part of requests that start an environment."""
    peak: float
    """How many times the month's average the containers have to bear."""
    busy: float
    """How busy their processors may then be."""
    tasks: int
    """How many there are at least."""
    writes: float
    reads: float
    log_bytes: float

    def in_words(self) -> str:
        return (
            f"the model takes {self.model_seconds:g} s; {self.cold:.0%} of requests start an environment; containers have to bear {self.peak:g} times the average with "
            f"processors {self.busy:.0%} busy, and there is at least {self.tasks}; {self.writes:g} write units, {self.reads:g} read units and {self.log_bytes:g} bytes of log a request"
        )


@dataclass(frozen=True)
class Function:
    memory_mb: int
    init_seconds: float


OURS = Function(memory_mb=256, init_seconds=0.02)
FASTAPI = Function(memory_mb=512, init_seconds=1.1)
"""As `template.yaml` has ours; what teams give Python. Both inits are of the README's cold starts."""


class Prices:
    def __init__(self, file: Path) -> None:
        self.prices = json.loads(file.read_text())["prices"]

    def __getattr__(self, name: str) -> float:
        return self.prices[name]["price"]


def shared(prices: Prices, assumed: Assumed) -> float:
    """Dollars of a million requests that are the same wherever they are served: the tables, the log."""
    log_gb = assumed.log_bytes * 1e6 / 1e9
    tables = assumed.writes * prices.dynamodb_write_million + assumed.reads * prices.dynamodb_read_million
    return tables + log_gb * prices.logs_gb


def on_lambda(prices: Prices, assumed: Assumed, taken: Taken, function: Function) -> float:
    """Dollars of a million requests."""
    share = min(function.memory_mb / VCPU_MB, 1)
    # What is computed lasts longer on a part of a processor; what is waited for does not.
    seconds = assumed.model_seconds + (taken.added_ms + taken.cpu_ms * (1 / share - 1)) / 1000
    gb_seconds = (seconds + assumed.cold * function.init_seconds) * function.memory_mb / 1024
    compute = 1e6 * gb_seconds * prices.lambda_gb_second_arm64
    return compute + prices.lambda_request_million + prices.rest_api_million + shared(prices, assumed)


def tasks(assumed: Assumed, taken: Taken, requests: float) -> int:
    """Containers of one processor that bear the peak."""
    needed = requests / SECONDS * assumed.peak * taken.cpu_ms / 1000 / assumed.busy
    return max(assumed.tasks, math.ceil(needed))


def on_fargate(prices: Prices, assumed: Assumed, taken: Taken, requests: float) -> float:
    """Dollars of a month."""
    task = HOURS * (prices.fargate_vcpu_hour + 2 * prices.fargate_gb_hour)
    units = requests / SECONDS / UNIT_CONNECTIONS
    balancer = HOURS * (prices.load_balancer_hour + units * prices.load_balancer_unit_hour)
    return task * tasks(assumed, taken, requests) + balancer + shared(prices, assumed) * requests / 1e6


def break_even(cost: float, containers: object) -> float | None:
    """The month's requests from which on containers are cheaper, if there are any."""
    low, high = 1.0, 1e11
    if containers(high) > cost * high / 1e6:
        return None
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if containers(middle) <= cost * middle / 1e6 else (middle, high)
    return high


def measured(results: dict, contestant: str) -> Taken | None:
    """Of the cell with least waiting for what is added. The least processor time of all cells: a server that is overrun also works on what it
    does not answer in time, and one that hardly works wakes up for each request. None where no answer came in time."""
    figures = Figures(results["runs"])
    asked = sorted(
        {run["cell"] for run in results["runs"] if run["cell"].startswith("ask@")}, key=lambda cell: int(cell.split("@")[1])
    )
    added = figures.added(contestant, asked[0], "p50")
    found = [cpu[0] for cell in asked if (cpu := figures.value(contestant, cell, lambda run: run["cpu_ms"]))]
    if added is None or not found:
        return None
    return Taken(cpu_ms=min(found), added_ms=max(added[0], 0))


def dollars(value: float) -> str:
    return f"${value:,.0f}" if value >= 100 else f"${value:,.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/cost", description="What a month costs, by what bench/run has measured.")
    parser.add_argument("--results", type=Path, required=True, help="results.json of a run")
    parser.add_argument("--prices", type=Path, required=True)
    parser.add_argument("--picture", type=Path, help="where to draw it")
    parser.add_argument("--model-seconds", type=float, default=2.0, help="what the model takes of a request")
    parser.add_argument("--cold", type=float, default=0.01, help="the part of requests that start an environment")
    parser.add_argument("--peak", type=float, default=4.0, help="how many times the average containers have to bear")
    parser.add_argument("--busy", type=float, default=0.6, help="how busy containers may be then")
    parser.add_argument("--tasks", type=int, default=1, help="how many containers there are at least")
    parser.add_argument("--writes", type=float, default=8, help="write units of a request")
    parser.add_argument("--reads", type=float, default=2, help="read units of a request")
    parser.add_argument("--log-bytes", type=float, default=800, help="bytes that a request logs")
    arguments = parser.parse_args()
    results, prices = json.loads(arguments.results.read_text()), Prices(arguments.prices)
    fields = Assumed.__dataclass_fields__
    assumed = Assumed(**{name: value for name, value in vars(arguments).items() if name in fields})
    lambent, fastapi = measured(results, "lambent"), measured(results, "fastapi-1")
    if lambent is None or fastapi is None:
        nothing = "the results have no figures of `/ask` by Lambent and FastAPI"
        if not results["short"]:
            raise SystemExit(nothing)
        # A smoke run may be too short for a machine that is busy.
        print(f"Not computed: {nothing}.")
        return
    ours, theirs = on_lambda(prices, assumed, lambent, OURS), on_lambda(prices, assumed, fastapi, FASTAPI)

    def containers(requests: float) -> float:
        return on_fargate(prices, assumed, fastapi, requests)

    if results["short"]:
        print("Of a smoke run: these figures mean nothing.\n")
    print(f"`/ask`, dollars by list prices of us-east-1, without the model. Measured: {lambent.cpu_ms:.2f} ms of a processor a request in Lambent,")
    print(f"{fastapi.cpu_ms:.2f} ms in FastAPI. Assumed: {assumed.in_words()}.\n")
    print("| requests a month | Lambent on Lambda | FastAPI on Lambda | FastAPI on Fargate | tasks |\n|---|---|---|---|---|")
    for load in LOADS:
        columns = [dollars(ours * load / 1e6), dollars(theirs * load / 1e6), dollars(containers(load))]
        print(f"| {load:,} | {' | '.join(columns)} | {tasks(assumed, fastapi, load)} |")
    print(f"| a million of them | {dollars(ours)} | {dollars(theirs)} | by the load | |\n")
    where = break_even(ours, containers)
    if where is None:
        print("At no load are containers cheaper than Lambent on Lambda.")
    else:
        print(f"Above some {where:,.0f} requests a month ({where / SECONDS:.1f} a second on average) containers are cheaper than Lambent on Lambda.")
    if arguments.picture:
        arguments.picture.parent.mkdir(parents=True, exist_ok=True)
        arguments.picture.write_text(picture(ours, theirs, containers))


def picture(ours: float, theirs: float, containers: object) -> str:
    def exact(values: list[float]) -> list[tuple[float, float, float]]:
        return [(value, value, value) for value in values]

    return plots.lines(
        "What a month costs",
        "Dollars a month by list prices, without the model; both scales are logarithmic",
        LOADS,
        [
            Series("Lambent on Lambda", exact([ours * load / 1e6 for load in LOADS])),
            Series("FastAPI on Fargate", exact([containers(load) for load in LOADS])),
            Series("FastAPI on Lambda", exact([theirs * load / 1e6 for load in LOADS])),
        ],
        "requests a month",
        "$",
    )


if __name__ == "__main__":
    main()
