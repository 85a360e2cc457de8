"""Measures all contestants side by side: `bench/run`."""

import argparse
import json
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from . import capacity, cells, machine, validation
from .contestants import contestants
from .measure import Bench, Length, calls, rounds
from .processes import Rig

FULL = Length(warm_up=0.5, measured=1.7, patience=1.2, stagger=0.4, floor=0.6)
# So many at once get their first answers after seconds, where a server is overrun.
HEAVY = replace(FULL, warm_up=2.0, measured=2.0, patience=2.6, stagger=0.6)
SHORT = Length(warm_up=0.6, measured=1.2, patience=2.0, stagger=0.4, floor=0.6)


def main() -> None:
    # So that whatever was started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a smoke run of two minutes, whose figures mean nothing")
    parser.add_argument("--rounds", type=int, help="rounds in which all take turns")
    parser.add_argument("--only", action="append", help="only contestants and cells whose names begin like this")
    parser.add_argument("--ours", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--proxy", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    entrants = contestants(arguments.ours.resolve() / "lambent", work / "lambent", arguments.proxy.absolute())
    of = cells.SHORT if arguments.short else cells.ALL
    if arguments.short:
        entrants = [entrant for entrant in entrants if not entrant.is_variant]
    entrants, of = chosen(entrants, of, arguments.only or [])
    count = arguments.rounds or (1 if arguments.short else 5)
    results = {"machine": machine.described(), "short": arguments.short, "rounds": count}
    began = time.monotonic()
    with Rig(arguments.tools / "lambent-bench-rig", [], work / "rig.log") as rig:
        (work / "keys.json").write_text(json.dumps(rig.addresses["keys"]))
        bench = Bench(rig, arguments.tools.resolve() / "lambent-bench-load", work, *((SHORT, SHORT) if arguments.short else (FULL, HEAVY)))
        results["rig"] = {name: value for name, value in rig.addresses.items() if name not in ("keys", "pepper")}
        results["capacity"], results["wrk"] = capacity.of(bench), capacity.by_wrk(bench)
        results["contestants"] = {entrant.name: entrant.label for entrant in entrants}
        results["calls"] = {}
        for entrant in (entrant for entrant in entrants if not entrant.is_kept):
            results["calls"][entrant.name] = calls(bench, entrant)
            say(f"{entrant.name}: answers right")
        results["runs"] = []
        for run in rounds(bench, entrants, of, count):
            results["runs"].append(run)
            say(line(run))
        results["served"] = rig.counts()["model"]
    results["validation"] = []
    for run in validation.rounds(arguments.ours.resolve() / "lambent-bench-validation", work, 0.5, count):
        results["validation"].append(run)
        say(f"round {run['round'] + 1}  {run['kind']} bodies  {run['framework']:10} {run['per_cpu_second']:,.0f} a second of a processor")
    results["seconds"] = time.monotonic() - began
    (work / "results.json").write_text(json.dumps(results, indent=1))


def chosen(entrants: list, of: list, names: list[str]) -> tuple[list, list]:
    def these(among: list, name_of) -> list:
        found = [one for one in among if any(name_of(one).startswith(name) for name in names)]
        return found or among

    return these(entrants, lambda entrant: entrant.name), these(of, lambda cell: cell.id)


def line(run: dict) -> str:
    who = f"round {run['round'] + 1}  {run['cell']:12} {run['contestant']:14}"
    if run["cell"] == "idle":
        return f"{who} {run['pss_mb']:.0f} MB"
    latency = run["latency"] or {"p50": 0, "p99": 0}
    text = f"{who} {run['completed'] / run['seconds']:7.1f}/s  p50 {latency['p50']:7.1f}  p99 {latency['p99']:7.1f} ms"
    if run.get("cpu_ms"):
        text += f"  CPU {run['cpu_ms']:.2f} ms  {run['pss_mb']:.0f} MB"
    if run["wrong"] or run["unanswered"]:
        text += f"  {run['wrong']} wrong, {run['unanswered']} unanswered"
    return text


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
