"""What a message suggests to type: commands, settings and names that may be pasted as they are."""

from __future__ import annotations

import difflib
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path


def shell_line(name: str, *arguments: object) -> str:
    """A command of this program as it may be pasted into the shell that started it.

    Parameters
    ----------
    name : a sub-command; empty for a run
    arguments : its arguments; each is quoted where the shell needs it
    """
    script = Path(sys.argv[0])
    if script.name == "runner" and script.is_file():
        words = [tool("runner"), name] if name else [tool("runner")]
    else:
        words = [tool("python"), "-m", f"runner.{name}" if name else "runner"]
    return " ".join([*words, *(shell_quote(str(argument)) for argument in arguments)])


def tool(name: str) -> str:
    """How the shell finds a program of this Python environment."""
    here = Path(sys.executable).parent
    script = shutil.which(name)
    if script and Path(script).parent == here:
        return name
    path = Path(sys.executable) if name == "python" else here / name
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return shell_quote(str(path))


def shell_quote(text: str) -> str:
    """A word of a shell's command line, in the quotes that are the easiest to read."""
    if text and not re.search(r"""[^\w@%+=:,./~-]""", text, re.ASCII) and text[0] != "~":
        return text
    if "'" in text and not re.search(r"[$`\\!]", text):
        return '"' + text.replace('"', '\\"') + '"'
    return shlex.quote(text)


def override(key: str, value: str) -> str:
    """`key=value`, with the value in quotes where Hydra's grammar needs them."""
    plain = re.fullmatch(r"[\w./@%+:*?|$-]+", value, re.ASCII) and "${" not in value
    return f"{key}={value if plain else hydra_quote(value)}"


def hydra_quote(text: str) -> str:
    """A text in the quotes of Hydra's grammar, in which a backslash counts only before a quote."""
    if "'" in text and not re.search(r'["\\]', text):
        return f'"{text}"'
    escaped = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
    return f"'{escaped}'"


def quote_within(value: str) -> str:
    """A list or a mapping of Hydra's grammar, with quotes around each text that needs them.

    The names of a mapping stay as they are: Hydra reads no quotes there.
    """
    shown = text = opened = ""
    for piece in re.findall(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|.""", value, re.DOTALL):
        is_name = piece == ":" and opened[-1:] == "{"
        if is_name or piece in "[]{},":
            shown += (text if is_name else _quoted_where_needed(text)) + piece
            text = ""
        else:
            text += piece
        opened = opened + piece if piece in "[{" else opened[:-1] if piece in "]}" else opened
    return shown + text


def _quoted_where_needed(text: str) -> str:
    bare = text.strip()
    if re.fullmatch(r"""[\w./@%+*?|$-]*|'.*'|".*\"""", bare, re.ASCII | re.DOTALL):
        return text
    return text.replace(bare, hydra_quote(bare))


def nearest(name: str, names: Iterable[str], otherwise: str | None = None) -> str:
    """` Did you mean 'x'?`; where nothing is near `otherwise`, by default what there is."""
    choices = sorted(map(str, names))
    ends = [choice for choice in choices if name.endswith(f"_{choice}")]  # top_n_words: n_words
    close = ends or difflib.get_close_matches(name, choices, n=1, cutoff=0.6)
    if close:
        return f" Did you mean '{close[0]}'?"
    if otherwise is not None:
        return otherwise
    return f" There are: {', '.join(choices)}." if 0 < len(choices) <= 30 else ""
