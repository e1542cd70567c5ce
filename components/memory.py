"""How much memory is free for this process."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from components.errors import ParameterError

UNLIMITED = 2**60  # bytes: the kernel writes a number near 2^63 where cgroup v1 has no limit


def available_memory(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this process may still allocate, or all of the machine's where that is unknown.

    The least of what the kernel takes for available (proc(5), `MemAvailable`) and of what the
    limits of the process's control groups leave (cgroup v2 `memory.max`, v1
    `memory.limit_in_bytes`), in which a container or a batch system puts it. Files that a group
    has in the page cache can be dropped, so they do not count as used.
    """
    free = [_machine(proc)]
    for folder in _groups(proc, cgroups):
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            most = _number(folder / limit)
            if most is not None and most < UNLIMITED:
                taken = _number(folder / used) or 0
                free.append(max(0, most - max(0, taken - _droppable(folder / "memory.stat"))))
    return min(free)


def check_fits(n_bytes: float, parameter: str, value: object, advice: str) -> None:
    """Refuse what takes more than the memory that is free.

    Parameters
    ----------
    n_bytes : once it is unpacked and in use
    parameter, value : what names the file; see `ParameterError`
    advice : what to do instead

    Raises
    ------
    ParameterError
    """
    free = available_memory()
    if n_bytes > free:
        raise ParameterError(
            parameter,
            value,
            f"takes {n_bytes / 1e9:.1f} GB of memory or more, and {free / 1e9:.1f} GB are "
            f"available. {advice}",
        )


def give_back() -> None:
    """Return to the system what was freed: glibc keeps blocks below 32 MiB between others.

    Elsewhere nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _machine(proc: Path) -> int:
    try:
        lines = (proc / "meminfo").read_text().splitlines()
        kilobytes = {name: value.split()[0] for name, _, value in (x.partition(":") for x in lines)}
        return int(kilobytes["MemAvailable"]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return UNLIMITED


def _groups(proc: Path, root: Path) -> list[Path]:
    """Folders of the process's control groups and of those around them; each may set a limit."""
    folders = [root, root / "memory"]  # the second is that of cgroup v1
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        folder = top / path.lstrip("/")
        if ".." in folder.parts:  # seen from inside a container
            continue
        while folder != top:
            folders.append(folder)
            folder = folder.parent
    return folders


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such file, or "max"
        return None


def _droppable(stat: Path) -> int:
    try:
        lines = stat.read_text().splitlines()
    except OSError:
        return 0
    values = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return int(values.get("inactive_file", values.get("total_inactive_file", "0")))
