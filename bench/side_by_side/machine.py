"""What the figures were measured on."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "httpx", "aiobotocore", "boto3", "flask", "gunicorn")


def described() -> dict:
    """Processor, memory, kernel, versions, and how busy it was before."""
    fields = dict(
        (name.strip(), value.strip())
        for name, _, value in (line.partition(":") for line in output("lscpu").splitlines())
    )
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "processor": fields.get("Model name", "unknown"),
        "cores": len(os.sched_getaffinity(0)),
        "hypervisor": fields.get("Hypervisor vendor", "none"),
        "memory_gb": round(int(memory.split()[1]) / 1e6, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "rustc": output("rustc", "--version").strip(),
        "commit": output("git", "rev-parse", "--short", "HEAD").strip(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def output(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
