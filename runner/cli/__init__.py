"""The command line: `python -m runner`, and `runner`.

Whatever shows something or names a mistake imports no more than it needs: half a second of
Hydra is imported only for a run.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from components.base import UserError
from runner.terminal.console import Pipe, command, say

# The sub-commands: a module with `main(arguments) -> exit status`, and what it does.
COMMANDS = {
    "leaderboard": ("runner.leaderboard.__main__", "compare runs in a table, best first"),
    "cache": ("runner.cache.__main__", "show, check or prune the cache"),
    "predict": ("runner.predict", "give new documents the topics of a run"),
    "edit": ("runner.edit", "merge, rename, drop and split the topics of a run"),
    "merge": ("runner.merge", "make one run of two, whose topics that agree become one"),
    "replay": ("runner.replay", "run a recorded config again, and compare the topics"),
    "compare": ("runner.compare", "compare the topics of two runs"),
    "report": ("runner.report", "make report.html for a run that has ended"),
    "update": ("runner.update", "add new documents to the topics of a run"),
    "upload": ("runner.upload", "log results to MLflow whose server was away"),
}


def entry_point() -> NoReturn:
    """`main` in a process of its own."""
    sys.stdout = Pipe(sys.stdout)
    try:
        main()
    finally:
        gc.freeze()  # or Python looks for garbage in every module, for half a second after torch


def main() -> NoReturn:
    """Run what the program's arguments ask for, and exit."""
    arguments = sys.argv[1:]
    _put_working_folder_last()
    if arguments and arguments[0] in COMMANDS:
        module = importlib.import_module(COMMANDS[arguments[0]][0])
        command(module.main, arguments[1:])
    if {"-h", "--help"} & set(arguments):
        from runner.cli.help import text

        say(text(arguments, {name: about for name, (_, about) in COMMANDS.items()}))
        sys.exit(0)
    if "--version" in arguments:
        say(f"topic-runner {version('topic-runner')}")
        sys.exit(0)
    # SIGTERM is handled as Ctrl-C is: finished work stays cached, and the run is closed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from runner.cli.launch import launch

    try:
        sys.exit(launch(arguments))
    except UserError as error:
        say(str(error), error=True)
        sys.exit(2)
    except KeyboardInterrupt:
        cached = "" if "cache.dir=null" in arguments else " The vectors computed so far are cached."
        say(f"\nStopped.{cached}", error=True)
        sys.exit(130)


def _find_plugins() -> None:
    """Settle where Hydra finds plugins, all of which it imports: among what is installed."""
    if "hydra_plugins" in sys.modules:
        return
    found = importlib.util.find_spec("hydra_plugins")
    plugins = ModuleType("hydra_plugins")
    plugins.__path__ = list(found.submodule_search_locations or []) if found else []
    sys.modules["hydra_plugins"] = plugins


def _put_working_folder_last() -> None:
    """Find the user's own classes in the working folder, after every installed package.

    A file there that is named like a package does not take its place.
    """
    here = Path.cwd()
    root = Path(__file__).parents[2]
    sys.path[:] = [p for p in sys.path if p and (Path(p) != here or here == root)]
    _find_plugins()
    if str(here) not in sys.path:
        sys.path.append(str(here))
    if here == root:
        return
    for name in ("runner", "components", "conf"):
        for path in (here / f"{name}.py", here / name / "__init__.py"):
            if path.is_file():
                os.environ["PYTHONSAFEPATH"] = "1"  # a launcher's workers start in this folder too
                shown = path.relative_to(here)
                say(f"{shown} is not imported: topic-runner has a package '{name}'.", error=True)
