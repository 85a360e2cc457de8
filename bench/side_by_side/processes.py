"""Servers as trees of processes: started, asked what they have used, ended."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
START_SECS = 60
SAMPLE_SECS = 0.2


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def children(pid: int) -> list[int]:
    """The process and all that it has started, as far as they live."""
    pids, seen = [pid], []
    while pids:
        pid = pids.pop()
        seen.append(pid)
        for task in (PROC / str(pid) / "task").glob("*/children"):
            try:
                pids.extend(map(int, task.read_text().split()))
            except OSError:
                pass
    return seen


def cpu_seconds(pid: int) -> float:
    """The processor time of a tree so far, of all its threads, also of those that have ended: by the clock that the kernel keeps of a
    process, which counts nanoseconds where `/proc/PID/stat` counts hundredths of a second."""
    total = 0.0
    for process in children(pid):
        try:
            # CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it.
            total += time.clock_gettime((~process << 3) | 2)
        except OSError:
            pass
    return total


def memory_mb(pid: int) -> tuple[float, float]:
    """What a tree has in memory: the sum of its processes', and the same with what they share counted once (RSS and PSS)."""
    rss = pss = 0
    for process in children(pid):
        try:
            for line in (PROC / str(process) / "smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name == "Rss":
                    rss += int(value.split()[0])
                elif name == "Pss":
                    pss += int(value.split()[0])
        except OSError:
            pass
    return rss * 1024 / 1e6, pss * 1024 / 1e6


class Peak:
    """The most memory that a tree had between the samples of a block."""

    def __init__(self, pid: int) -> None:
        self.pid, self.rss, self.pss = pid, 0.0, 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while True:
            rss, pss = memory_mb(self.pid)
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)
            if self._over.wait(SAMPLE_SECS):
                return

    def __enter__(self) -> "Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def server(command: list[str], url: str, *, env: dict[str, str], cwd: Path, log: Path) -> Iterator[int]:
    """A server that answers at this URL, whatever it answers; its process, which ends with the block, with all that it has started."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        answers(url, process, log)
        yield process.pid
    finally:
        # Its own session, so its own group: nobody else's processes are in it.
        end(process)


def answers(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_SECS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"{process.args} does not answer at {url}:\n{tail}")


def end(process: subprocess.Popen) -> None:
    """At once: a server that is overrun would go on with what nobody waits for, beside the next one that is measured."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Rig:
    """The provider and the database: a process that says where they are and ends with its standard input."""

    def __init__(self, binary: Path, arguments: list[str], log: Path) -> None:
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [binary, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the rig does not start:\n{log.read_text()[-2000:]}")
        self.addresses = json.loads(line)

    @property
    def pid(self) -> int:
        return self.process.pid

    def counts(self) -> dict:
        with urllib.request.urlopen(self.addresses["counts"], timeout=10) as answer:
            return json.load(answer)

    def __enter__(self) -> "Rig":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
