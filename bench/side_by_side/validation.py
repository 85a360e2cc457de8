"""Validation alone: bodies that a second of a processor validates, without a server. `bench/validation` and `bench/peers/validation.py`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import cells
from .contestants import PEERS

BODIES = {"valid": (cells.SEARCH, 204), "invalid": (cells.INVALID, 422)}


def rounds(ours: Path, work: Path, seconds: float, count: int) -> Iterator[dict]:
    """Frameworks take turns. `ours` is the binary; where it is not there, ours is left out."""
    peers = [sys.executable, str(PEERS / "validation.py")]
    commands = {"lambent": [str(ours)], "fastapi": [*peers, "fastapi"], "flask": [*peers, "flask"]}
    if not ours.exists():
        del commands["lambent"]
    for number in range(count):
        for kind, (body, status) in BODIES.items():
            file = work / f"{kind}.json"
            file.write_text(json.dumps(body))
            for name, command in commands.items():
                arguments = [*command, str(file), str(status), str(seconds)]
                output = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
                yield {"round": number, "framework": name, "kind": kind, **json.loads(output)}
