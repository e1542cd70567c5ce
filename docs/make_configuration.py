"""Writes `configuration.md` from the YAMLs in conf/: `python docs/make_configuration.py`."""

from __future__ import annotations

from pathlib import Path

CONF = Path(__file__).parents[1] / "conf"
PAGE = Path(__file__).with_name("configuration.md")
HEAD = """# Every setting

Made from the files in `conf/` by `docs/make_configuration.py`. A group's option is chosen by
`group=option`, a setting by `group.setting=value`. Names that begin with `_` are what several
options share. `python -m runner --cfg job` prints the config that a command line makes.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD, "## The run\n", _block(CONF / "config.yaml")]
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir() and path.name[0] != "_"):
        files = sorted(folder.rglob("*.yaml"))
        if files and folder.name != "hydra":
            parts.append(f"## {folder.name}\n")
            for file in files:
                parts += [f"### {file.relative_to(folder).with_suffix('')}\n", _block(file)]
    return "\n".join(parts)


def _block(file: Path) -> str:
    return f"```yaml\n{file.read_text(encoding='utf-8').rstrip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
