"""The process of a run: how its record names it, and whether it is alive."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# Kept in run.json. In MLflow they are one tag, and only while the run goes on: nobody reads them.
TAGS = ("host", "boot_id", "pid_namespace", "pid", "process_start")
TAG = "process"


def packed(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags with those of a process as one; those of no process as they are."""
    own = {key: tags[key] for key in TAGS if key in tags}
    return {**without(tags), TAG: json.dumps(own)} if own else without(tags)


def without(tags: Mapping[str, str]) -> dict[str, str]:
    """The other tags."""
    return {key: value for key, value in tags.items() if key not in TAGS}


def unpacked(tags: Mapping[str, str]) -> dict[str, str]:
    """What `packed` has packed; a tag of another kind is left out."""
    others = {key: value for key, value in tags.items() if key != TAG}
    try:
        own = json.loads(tags.get(TAG, "{}"))
    except ValueError:
        return others
    own = own if isinstance(own, dict) else {}
    return {**others, **{key: str(own[key]) for key in TAGS if key in own}}


def this_process() -> dict[str, str]:
    """Tags that name this process: a pid alone may be used again."""
    return {
        **_machine(),
        "pid": str(os.getpid()),
        "process_start": _state(os.getpid())[1],
    }


def is_alive(tags: Mapping[str, str]) -> bool | None:
    """Whether the process that the tags name is alive; None where it ran elsewhere.

    Containers may share a host name, and each counts its processes from 1.
    """
    pid, here = tags.get("pid", ""), _machine()
    if tags.get("host") != here["host"] or not pid.isdigit():
        return None
    if any(tags.get(key, value) != value for key, value in here.items()):
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    state, started = _state(int(pid))
    return state not in ("Z", "X") and started in ("", tags.get("process_start"))


def _machine() -> dict[str, str]:
    """Names what a pid is counted in: the host, its boot, and the namespace of a container.

    The last two are empty where there is no /proc (proc(5), pid_namespaces(7)).
    """
    boot = namespace = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return {"host": socket.gethostname(), "boot_id": boot, "pid_namespace": namespace}


def _state(pid: int) -> tuple[str, str]:
    """A process's state (Z and X: dead) and when it began, in the kernel's ticks (proc(5)).

    Empty where there is no /proc.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]
