"""The command line: `python -m runner`, and `runner`.

Whatever shows something or names a mistake imports no more than it needs: half a second of
Hydra is imported only for a run.
"""

from __future__ import annotations

import gc
import importlib
import sys
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from components.base import UserError
from components.interrupts import stop_as_by_ctrl_c
from runner.terminal.console import command, keep_streams, say
from runner.terminal.working_folder import hidden, put_last

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
    try:
        with keep_streams():
            main()
    finally:
        gc.freeze()  # or Python looks for garbage in every module, for half a second after torch


def main() -> NoReturn:
    """Run what the program's arguments ask for, and exit."""
    arguments = sys.argv[1:]
    put_last()
    for path in hidden(Path.cwd()):
        name = path.relative_to(Path.cwd())
        package = name.parts[0].removesuffix(".py")
        say(f"{name} is not imported: topic-runner has a package '{package}'.", error=True)
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
    stop_as_by_ctrl_c()  # finished work stays cached, and the run is closed
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
