"""RESULTS.md and its pictures, from the results of a run."""

import json
import sys
from pathlib import Path

from . import cells, plots
from .cells import Cell
from .figures import Figure, Figures, figure
from .plots import Series

NOTES = Path(__file__).parents[1] / "where-time-goes.md"
MAIN = "ask@100"
"""The cell that the aims are about."""


class Report:
    def __init__(self, results: dict) -> None:
        self.results = results
        self.figures = Figures(results["runs"])
        self.contestants: dict[str, str] = results["contestants"]
        ran = {run["cell"] for run in results["runs"]}
        self.cells = [cell for cell in (cells.SHORT if results["short"] else cells.ALL) if cell.id in ran]
        self.main = MAIN if MAIN in ran else next((cell.id for cell in self.cells if cell.name == "ask"), "")
        self.drawn = self.pictures()

    def write(self, folder: Path) -> None:
        pictures = folder / "results"
        pictures.mkdir(parents=True, exist_ok=True)
        for name, picture in self.drawn.items():
            (pictures / f"{name}.svg").write_text(picture)
        (folder / "RESULTS.md").write_text(self.text())

    def text(self) -> str:
        parts = ["# Side by side", self.about(), *self.sections(), self.validation(), self.aims(), self.notes(), self.rig(), self.calls(), self.method()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def about(self) -> str:
        machine = self.results["machine"]
        packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
        warning = (
            "**A smoke run: its figures mean nothing.**\n\n" if self.results["short"] else ""
        )
        return (
            f"{warning}The same API in Rust (Lambent, at `{machine['commit']}`), FastAPI and Flask, against the same model provider and the same DynamoDB, "
            f"on one machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['hypervisor']}; "
            f"{machine['system']}, Linux {machine['kernel']}; {machine['rustc']}; Python {machine['python']} with {packages}. "
            f"The load average before was {machine['load_before']:.2f}.\n\n"
            f"Medians of {self.results['rounds']} rounds in which all take turns, with the least and the most of them. Made by `bench/run` "
            f"in {self.results['seconds'] / 60:.0f} minutes; [how](#how-it-is-measured)."
        )

    def sections(self) -> list[str]:
        whole = [cell for cell in self.cells if not cell.is_stream]
        titles = {
            "ask": "`POST /ask`: caller, embedding, vector search, model, citations, record",
            "analyse": "`POST /analyse`: caller, validation, model, its answer parsed, record",
            "search": "`POST /search` with 512 numbers: caller, validation, vector search, record",
            "chat": "`POST /v1/chat/completions`: the model's answer passed on",
            "invalid": "`POST /search` with a body that breaks three rules: caller, validation, 422",
        }
        parts = []
        for name, title in titles.items():
            of = [cell for cell in whole if cell.name == name]
            if of:
                shown = self.shown("latency", "cpu", "memory") if name == "ask" else ""
                parts.append(f"## {title}\n\n{shown}{self.table(of)}")
        streams = [cell for cell in self.cells if cell.is_stream]
        if streams:
            title = "## `POST /analyse/stream`: tokens as the model writes them"
            parts.append(f"{title}\n\n{self.shown('streams')}{self.streams(streams)}")
        return parts

    def shown(self, *names: str) -> str:
        return "".join(f"![](results/{name}.svg)\n\n" for name in names if name in self.drawn)

    def table(self, of: list[Cell]) -> str:
        rows = [
            "| at once | | requests/s | p50, ms | p95 | p99 | added p50 | added p99 | CPU, ms a request | PSS, MB | RSS, MB | failed |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for cell in of:
            for name, label in self.contestants.items():
                if not self.figures.of(name, cell.id):
                    continue

                def latency(part: str) -> str:
                    return show(self.figures.value(name, cell.id, lambda run: run["latency"] and run["latency"][part]))

                columns = [
                    show(self.figures.value(name, cell.id, lambda run: run["completed"] / run["seconds"])),
                    *(latency(part) for part in ("p50", "p95", "p99")),
                    *(show(self.figures.added(name, cell.id, part)) if cell.calls else "" for part in ("p50", "p99")),
                    show(self.figures.value(name, cell.id, lambda run: run["cpu_ms"])),
                    show(self.figures.value(name, cell.id, lambda run: run["pss_mb"]), spread=False),
                    show(self.figures.value(name, cell.id, lambda run: run["rss_mb"]), spread=False),
                    failures(self.figures.failed(name, cell.id)),
                ]
                rows.append(f"| {cell.connections} | {label} | {' | '.join(columns)} |")
        return "\n".join(rows)

    def streams(self, of: list[Cell]) -> str:
        rows = [
            "| at once | | held at once | first token added, p50, ms | p99 | between tokens added, p50 | p99 | CPU, ms a stream "
            "| PSS, MB | failed |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for cell in of:
            for name, label in self.contestants.items():
                if not self.figures.of(name, cell.id):
                    continue
                columns = [
                    show(self.figures.value(name, cell.id, lambda run: run["at_once"]), spread=False),
                    *(show(self.figures.added(name, cell.id, part, "first_token")) for part in ("p50", "p99")),
                    *(show(self.figures.added(name, cell.id, part, "between_tokens")) for part in ("p50", "p99")),
                    show(self.figures.value(name, cell.id, lambda run: run["cpu_ms"])),
                    show(self.figures.value(name, cell.id, lambda run: run["pss_mb"]), spread=False),
                    failures(self.figures.failed(name, cell.id)),
                ]
                rows.append(f"| {cell.connections} | {label} | {' | '.join(columns)} |")
        return "\n".join(rows)

    def validation(self) -> str:
        """Bodies that a second of a processor validates."""
        labels = {"lambent": "Lambent", "fastapi": "FastAPI", "flask": "Flask with Pydantic"}
        rows = []
        for name, label in labels.items():
            columns = []
            for kind in ("valid", "invalid"):
                of = [run for run in self.results["validation"] if run["framework"] == name and run["kind"] == kind]
                columns.append(show(figure(run["per_cpu_second"] for run in of)))
            if any(columns):
                rows.append(f"| {label} | {' | '.join(columns)} |")
        return (
            "## Validation alone\n\nBodies of `POST /search` with 512 numbers that a second of one processor takes: from a request in memory "
            "through router and validation to an answer in memory, which is empty, or says all that is wrong. No server, no database.\n\n"
            "| | valid | with three errors |\n|---|---|---|\n" + "\n".join(rows)
        )

    def aims(self) -> str:
        """What was aimed at, and what was found: neither is asserted."""
        ours, peers = "lambent", [name for name in self.contestants if name != "lambent"]
        if not self.main or not self.figures.of(ours, self.main) or not peers:
            return ""
        rows = []

        def times(what: str, aim: str, read: object) -> None:
            own = read(ours)
            others = {name: read(name) for name in peers}
            for name, other in others.items():
                if own and other:
                    found = f"{plots.number(other[0] / own[0])} times" if own[0] > 0 else "none measurable"
                    rows.append(f"| {what}, beside {self.contestants[name]} | {aim} | {found} |")

        figures, main = self.figures, self.main
        times("CPU a request", "20 times less", lambda name: figures.value(name, main, lambda run: run["cpu_ms"]))
        times("p99 above the floor", "10 times less", lambda name: figures.added(name, main, "p99"))
        times("peak memory (PSS)", "4 times less than 1 worker", lambda name: figures.value(name, main, lambda run: run["pss_mb"]))
        for cell in (cell for cell in self.cells if cell.is_stream):
            if found := figures.added(ours, cell.id, "p50", "first_token"):
                rows.append(f"| first token added, {cell.connections} streams, p50 | at most 1 ms | {show(found)} ms |")
            if cell.connections == 500:
                right, wrong, unanswered = figures.failed(ours, cell.id)
                rows.append(f"| 500 streams at once | none fails | {wrong + unanswered} of {right + wrong + unanswered} failed |")
        where = self.main.replace("ask@", "")
        return (
            f"## What was aimed at\n\nOn `/ask` at {where} connections; printed whether it is reached or not.\n\n"
            "| | aim | found |\n|---|---|---|\n" + "\n".join(rows)
        )

    def notes(self) -> str:
        """What was found out by other means, and is written by hand."""
        return "" if self.results["short"] else NOTES.read_text().strip()

    def rig(self) -> str:
        """How it is known that provider, database and callers are not what is measured."""
        rows = [
            f"| {row['call']} | {row['per_second']:,.0f} | {row['rig_cpu_ms']:.3f} | {row['wrong']} |" for row in self.results["capacity"]
        ]
        busiest = [run for run in self.results["runs"] if run.get("cores")]
        most = max(busiest, key=lambda run: run["cores"]["rig"] + run["cores"]["load"], default=None)
        lines = [
            "## Whether the rig is what is measured",
            "What one process of the rig takes by itself, at 16 connections and without delays, and what else stands on this machine's cores:",
            "| call | a second | CPU, ms | wrong |\n|---|---|---|---|\n" + "\n".join(rows),
        ]
        if self.results.get("wrk"):
            embedding = next(row for row in self.results["capacity"] if row["call"] == "an embedding")
            lines.append(
                f"wrk, for comparison, has {self.results['wrk']:,.0f} embeddings a second, the bench's own callers {embedding['per_second']:,.0f}."
            )
        if most:
            lines.append(
                f"The busiest it was: {most['cell']} of {self.contestants[most['contestant']]}, with {most['cores']['rig']:.2f} cores for provider and "
                f"database, {most['cores']['load']:.2f} for the callers and {most['cores']['server']:.2f} for the server, of {self.results['machine']['cores']}. "
                "Where these add up to all there are, requests a second and latency are the machine's limit, and CPU a request is the figure to read."
            )
        served = self.results["served"]
        lines.append(
            f"The provider served {served['requests']:,} requests in all ({served['embeddings']:,} embeddings), {served['most_open']:,} at once at most, "
            f"and wrote {served['written_tokens']:,} tokens."
        )
        return "\n\n".join(lines)

    def calls(self) -> str:
        """That all do the same."""
        rows = []
        for cell in cells.EACH:
            by_calls: dict[str, list[str]] = {}
            for name, label in self.contestants.items():
                found = self.results["calls"].get(name, {}).get(cell.name)
                if found is not None:
                    calls = ", ".join(f"{n:g} {call}" for call, n in sorted(found.items()))
                    by_calls.setdefault(calls or "none", []).append(label)
            rows += [f"| {cell.name} | {calls} | {'; '.join(labels)} |" for calls, labels in by_calls.items()]
        return (
            "## What each request calls\n\nBy the counts of provider and database, over ten requests that came one after the other.\n\n"
            "| | calls a request | |\n|---|---|---|\n" + "\n".join(rows)
        )

    def method(self) -> str:
        rig = self.results["rig"]
        return METHOD.format(**rig, asked=rig["tokens"]["ask"], analysed=rig["tokens"]["analyse"])

    def pictures(self) -> dict[str, str]:
        pictures = {}
        asked = [cell for cell in self.cells if cell.name == "ask"]
        if len(asked) > 1:
            pictures["latency"] = plots.lines(
                "How long callers wait, beyond the model",
                "POST /ask: p99 less what the provider alone takes, in milliseconds; both scales are logarithmic",
                [cell.connections for cell in asked],
                [Series(label, [positive(self.figures.added(name, cell.id, "p99")) for cell in asked])
                 for name, label in self.contestants.items()],
                "requests at once",
                "ms",
            )  # fmt: skip
        at = {}
        for cell in self.cells:
            if cell.name in ("ask", "analyse", "search") and (cell.name not in at or cell.connections == 100):
                at[cell.name] = cell
        if at:
            pictures["cpu"] = self.bars(
                "Processor time of a request",
                "Of the server's processes, in milliseconds; the thin line is from the least to the most of the rounds",
                list(at.values()),
                lambda run: run["cpu_ms"],
                "ms",
            )
        if self.main:
            main = [cell for cell in self.cells if cell.id == self.main]
            title = "Memory under load"
            pictures["memory"] = self.bars(
                title, "The most that the server's processes had, shared pages counted once (PSS)", main, lambda run: run["pss_mb"], "MB"
            )
        streams = [cell for cell in self.cells if cell.is_stream]
        if len(streams) > 1:
            pictures["streams"] = plots.lines(
                "How much later the first token comes",
                "POST /analyse/stream: the median less the provider's own, in milliseconds; both scales are logarithmic",
                [cell.connections for cell in streams],
                [Series(label, [positive(self.figures.added(name, cell.id, "p50", "first_token")) for cell in streams])
                 for name, label in self.contestants.items()],
                "streams at once",
                "ms",
            )  # fmt: skip
        return pictures

    def bars(self, title: str, subtitle: str, of: list[Cell], read: object, unit: str) -> str:
        series = [
            Series(label, [self.figures.value(name, cell.id, read) for cell in of])
            for name, label in self.contestants.items()
            if any(self.figures.of(name, cell.id) for cell in of)
        ]
        groups = [f"/{cell.name}, {cell.connections} at once" for cell in of]
        return plots.bars(title, subtitle, groups, series, unit)


def show(figure: Figure | None, spread: bool = True) -> str:
    if figure is None:
        return ""
    middle, least, most = (short(value) for value in figure)
    return f"{middle} ({least}–{most})" if spread and least != most else middle


def short(value: float) -> str:
    return f"-{plots.number(-value)}" if value < 0 else plots.number(value)


def failures(counts: tuple[int, int, int]) -> str:
    right, wrong, unanswered = counts
    words = [f"{n} {name}" for n, name in ((wrong, "wrong"), (unanswered, "unanswered")) if n]
    return f"{', '.join(words)} of {sum(counts)}" if words else "0"


def positive(figure: Figure | None) -> Figure | None:
    """What a logarithmic scale can show: nothing below a hundredth of a millisecond."""
    return tuple(max(value, 0.01) for value in figure) if figure else None


METHOD = """## How it is measured

- **The model** is a provider on loopback that answers with its first token after {first_token_ms} ms, a token every {between_tokens_ms} ms after it
  ({asked} for `/ask`, {analysed} for `/analyse`), and with embeddings after {embedding_ms} ms, whoever asks. **The database** is dynoxide in memory, shared by all. Both
  are in one process beside the contestants, and so are the callers: all of them share the cores.
- **Callers** ask as soon as they have their answer, each on a connection that is kept, with 20 keys in turn. They begin one after the other, within the
  warm-up. Who has no answer when its time is over is waited for some seconds more, and then counted with what it has waited: percentiles of servers that are overrun are
  too low by what was still to come.
- **Added** is what a percentile is above the sum of the medians of the provider's calls, which are measured in the same round with as many connections. What waits for
  the database is in it, for all alike.
- **CPU** is of the server with all its processes, by the kernel's clock of each, between the beginning and the end of what is measured, divided by the answers that
  came meanwhile. **Memory** is the most of samples every 0.2 seconds. In each round each server is started anew for its cells of up to 16 callers, which it is
  asked one after the other, and for each other cell. It is alone with provider, database and callers, and is killed afterwards: one that is overrun works on long
  after its callers have left.
  LiteLLM's proxy, which takes long to start, is started once and stopped (SIGSTOP) between its turns. FastAPI's several workers and Flask's sync
  workers, the same applications arranged differently, are measured by `/ask` alone, and the sync ones not by more than 100 callers.
- **Lambent** is its `lambent` binary as released, with all functions as routers of one process. On Lambda it is something else: each environment
  serves one request at a time, and nothing here says what API Gateway and Lambda add.
- **FastAPI and Flask** are in [`peers`](peers): written as their documentation would have it, with clients that are made once and Pydantic for
  bodies, and with the same calls to model and database as ours ([above](#what-each-request-calls)). They do less: there is no rate limit
  in the decision over a caller, no map of the requests under way, no `Server-Timing`, no record of refused bodies, and citations are found by simpler rules."""


def main() -> None:
    results, folder = Path(sys.argv[1]), Path(sys.argv[2])
    Report(json.loads(results.read_text())).write(folder)


if __name__ == "__main__":
    main()
