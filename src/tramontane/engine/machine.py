"""What this process may use of the machine, within its container's limits."""

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")  # version 2


def usable_cores() -> int:
    """Physical cores that this process may run on: the number of threads that compute fastest."""
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    quota, _, period = _read("cpu.max").partition(" ")
    if quota.isdigit():
        cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def available_memory() -> int:
    """Bytes that can be taken without swapping."""
    available = int(psutil.virtual_memory().available)
    limit, used = _read("memory.max"), _read("memory.current")
    if limit.isdigit() and used.isdigit():
        available = min(available, max(0, int(limit) - int(used)))
    return available


def resident_memory() -> int:
    """Bytes of main memory that this process takes."""
    return int(psutil.Process().memory_info().rss)


def _read(name: str) -> str:
    try:
        return (_CGROUP / name).read_text(encoding="ascii").strip()
    except OSError:  # no container, another version, another system
        return ""
