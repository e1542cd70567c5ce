import sys

try:
    from runner.cli import entry_point
except ModuleNotFoundError as error:
    sys.exit(
        f"{error.name} is not installed in {sys.executable}. Where `make run` has installed it, "
        "type: source .venv/bin/activate"
    )

entry_point()
