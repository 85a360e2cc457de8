"""Rounds in which contestants take turns, cell by cell."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import cells
from .cells import Cell
from .contestants import Contestant, environment
from .processes import Peak, Rig, cpu_seconds, free_port, memory_mb, server

CHECKS = 10
"""Requests of each kind that are counted call by call."""
LIGHT = 16
"""The most connections of a light cell."""


@dataclass(frozen=True)
class Length:
    """How long is measured, in seconds."""

    warm_up: float
    measured: float
    patience: float
    stagger: float
    floor: float
    """How long the provider alone is measured, and asked before that."""


@dataclass
class Bench:
    rig: Rig
    load: Path
    work: Path
    """Where logs and bodies are kept."""
    length: Length
    heavy: Length
    """Of cells that are not light."""

    @property
    def addresses(self) -> dict:
        return self.rig.addresses

    def run(self, pids: list[int], url: str, body: str, connections: int, *options: str, keys: bool = False, length: Length | None = None) -> dict:
        """Has callers ask, and returns what they waited, with what the trees of these processes used meanwhile."""
        length = length or self.length
        file = self.work / "body.json"
        file.write_text(body)
        command = [
            self.load, url, "--body", file, "--connections", str(connections), "--header", "content-type: application/json",
            "--warm-up", str(length.warm_up), "--seconds", str(length.measured),
            "--patience", str(length.patience), "--stagger", str(length.stagger), *options,
        ]  # fmt: skip
        if keys:
            command += ["--keys", self.work / "keys.json"]
        clocks = []
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as callers:
            for line in callers.stdout:
                if line.startswith("{"):
                    result = json.loads(line)
                else:
                    clocks.append([cpu_seconds(pid) for pid in (*pids, callers.pid)])
        if callers.returncode != 0:
            raise RuntimeError(f"the load generator failed at {url}")
        start, stop = clocks
        return result | {"cpu": [after - before for before, after in zip(start, stop, strict=True)]}

    def ask(self, pid: int, url: str, cell: Cell) -> dict:
        """A contestant in a cell."""
        options = ["--status", str(cell.status)]
        options += ["--end", cell.end] if cell.end else []
        options += ["--token", "event: delta"] if cell.is_stream else []
        with Peak(pid) as peak:
            length = self.length if cell.connections <= LIGHT else self.heavy
            result = self.run([pid, self.rig.pid], url + cell.path, cell.text, cell.connections, *options, keys=True, length=length)
        server_cpu, rig_cpu, load_cpu = result.pop("cpu")
        per_request = 1000 / result["completed"] if result["completed"] else None
        return result | {
            "cpu_ms": server_cpu * per_request if per_request else None,
            "cores": {part: used / result["seconds"] for part, used in
                      (("server", server_cpu), ("rig", rig_cpu), ("load", load_cpu))},
            "rss_mb": peak.rss,
            "pss_mb": peak.pss,
        }  # fmt: skip

    def floor(self, call: str, connections: int, stream: bool) -> dict:
        """The provider alone, asked what contestants ask it."""
        body = {"model": "test-model", "messages": [{"role": "user", "content": "Why?"}]}
        if call == "analyse":
            body["messages"][0]["content"] = f"<document>\n{cells.TEXT * 10}\n</document>"
        path, options = "/chat/completions", []
        if call == "embedding":
            path, body = "/embeddings", {"model": "test-model", "input": "Why?", "dimensions": 512}
        elif stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
            options = ["--token", '"delta":{"content"', "--end", "[DONE]"]
        length = replace(self.length, warm_up=self.length.floor, measured=self.length.floor)
        return self.run([self.rig.pid], self.addresses["model"] + path, json.dumps(body), connections, *options, length=length)


def rounds(bench: Bench, entrants: list[Contestant], of: list[Cell], count: int) -> Iterator[dict]:
    """One result after the other: each cell of each contestant, in each round, with a server that is alone, and was started for this cell, or for
    the light ones."""
    with ExitStack() as kept:
        servers = Servers(bench, kept)
        for number in range(count):
            # Nobody is always first.
            turn = entrants[number % len(entrants) :] + entrants[: number % len(entrants)]
            has_been_idle = set()
            for together in groups(of):
                for cell in together:
                    for call in cell.calls if any(entrant.enters(cell) for entrant in turn) else ():
                        result = bench.floor(call, cell.connections, cell.is_stream)
                        yield {"round": number, "contestant": "floor", "cell": cell.id, "call": call} | result
                for entrant in turn:
                    entered = [cell for cell in together if entrant.enters(cell)]
                    if not entered:
                        continue
                    with servers.of(entrant) as (pid, url):
                        if entrant.name not in has_been_idle:
                            has_been_idle.add(entrant.name)
                            rss, pss = memory_mb(pid)
                            yield {"round": number, "contestant": entrant.name, "cell": "idle", "rss_mb": rss, "pss_mb": pss}
                        for cell in entered:
                            yield {"round": number, "contestant": entrant.name, "cell": cell.id} | bench.ask(pid, url, cell)


def groups(of: list[Cell]) -> list[list[Cell]]:
    """Cells that a server is asked one after the other: the light ones together, since they leave no work behind, and each other alone. The exception is
    `/ask` by 16 callers, which overruns Flask's sync workers: it is the last that they are asked."""
    light = sorted((cell for cell in of if cell.connections <= LIGHT), key=lambda cell: (cell.connections, bool(cell.calls)))
    return [light, *([cell] for cell in of if cell.connections > LIGHT)]


class Servers:
    """Contestants' servers, each for the time of its turn. Those that are kept are stopped between turns, and end with `kept`."""

    def __init__(self, bench: Bench, kept: ExitStack) -> None:
        self.bench, self.kept, self.running = bench, kept, {}

    @contextmanager
    def of(self, entrant: Contestant) -> Iterator[tuple[int, str]]:
        with ExitStack() as turn:
            if not entrant.is_kept:
                pid, url = start(turn, self.bench, entrant, self.bench.addresses)
            elif entrant.name in self.running:
                pid, url = self.running[entrant.name]
                os.killpg(pid, signal.SIGCONT)
            else:
                pid, url = start(self.kept, self.bench, entrant, self.bench.addresses)
                self.running[entrant.name] = pid, url
            time.sleep(0.3)
            yield pid, url
            if entrant.is_kept:
                os.killpg(pid, signal.SIGSTOP)


def start(stack: ExitStack, bench: Bench, entrant: Contestant, addresses: dict) -> tuple[int, str]:
    """A contestant's process and URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = environment(addresses)
    log = bench.work / f"{entrant.name}.log"
    pid = stack.enter_context(server(entrant.command(port), url + "/", env=env, cwd=bench.work, log=log))
    return pid, url


def calls(bench: Bench, entrant: Contestant) -> dict[str, dict[str, float]]:
    """What a request of each kind calls, by the counts of provider and database: that all do the same."""
    key = bench.addresses["keys"][0]
    called = {}
    with ExitStack() as stack:
        counted = {"model": bench.addresses["model_at_once"], "database": bench.addresses["database_counted"]}
        _, url = start(stack, bench, entrant, bench.addresses | counted)
        for cell in filter(entrant.serves_it, cells.EACH):
            headers = {"content-type": "application/json", "x-api-key": key}
            request = urllib.request.Request(url + cell.path, cell.text.encode(), headers)
            # What is asked of a caller's item depends on what a process knows of it.
            answered(request, cell)
            before = bench.rig.counts()
            for _ in range(CHECKS):
                answered(request, cell)
            time.sleep(0.2)
            after = bench.rig.counts()
            model = {"chat": 0, "embeddings": after["model_at_once"]["embeddings"] - before["model_at_once"]["embeddings"]}
            model["chat"] = after["model_at_once"]["requests"] - before["model_at_once"]["requests"] - model["embeddings"]
            database = {name: n - before["database"].get(name, 0) for name, n in after["database"].items()}
            called[cell.name] = {name: n / CHECKS for name, n in (model | database).items() if n}
    return called


def answered(request: urllib.request.Request, cell: Cell) -> None:
    """Asks, and takes no wrong answer."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    if status != cell.status or (cell.end or "") not in text:
        raise RuntimeError(f"{request.full_url} answers {status}: {text[:2000]}")
