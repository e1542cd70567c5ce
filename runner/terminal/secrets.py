"""Keeping secrets out of configs, logs and tracking.

Backends read their keys from the environment. What looks like a secret in a config is refused
before anything is written; every file, tag and message that leaves a run passes through `mask`
or `mask_config`, which decide by what a value looks like and where it stands:

- an address: its password, its user name where that is all of it (``https://token@host``), and
  the parameters of its query that are named like a secret
- a key in a form that its provider is known by (see `_FORMS`), a JSON web token, a private key
- what follows ``Authorization:`` or ``Bearer``, or a name such as ``api_key=``
- the value of a config key that is named like a secret
- the value of an environment variable that is named like one, unless it is a path, a number or
  an ordinary word

Not covered: a secret without any of these marks, such as a password under a name of its own that
is not in the environment; one that is encoded (base64, percent signs) or cut in two; documents,
and what is made of them. Files that Hydra writes (`.hydra`) hold interpolations as typed, and not
their values.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from functools import cache
from typing import Any

MASK = "***"

# Names under which any value is a secret. A config key counts by its last part.
_STRONG = re.compile(
    r"(?:^|_)(?:api_?key|(?:access|account|private|secret|subscription|shared_access|signing"
    r"|encryption|auth|ssh|license)_key(?:_id)?|passw(?:or)?d|pwd|passphrase|secret|credentials?"
    r"|(?:auth|access|refresh|bearer|session|id|hf|hub|api|bot|personal|secret)_token"
    r"|connection_string|conn_str|odbc_connect|authorization|sas_token)$"
)
# Names under which a value is a secret only if it looks like one.
_WEAK = re.compile(
    r"^(?:key|pass|auth|bearer|sas|sig|signature|token|code)$|_(?:pass|token|key|signature)$"
)
_SPECIAL_TOKEN = re.compile(
    r"^(?:pad|unk|mask|cls|sep|bos|eos|sos|start|stop|end|word|max|min|n)_token$"
)
_IN_ENVIRONMENT = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PWD|PASS|PASSPHRASE|CREDENTIALS?|AUTH"
    r"|BEARER|SAS|CONNECTION_STRING)(?:_ID)?$"
)

_FORMS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    # OpenAI, Anthropic, OpenRouter; Voyage, xAI, Perplexity. Words between hyphens are shorter.
    r"(?:sk|pa|al|xai|pplx)-(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Za-z0-9]{16})[\w-]{16,}"
    r"|AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # Google
    r"|gsk_[A-Za-z0-9]{20,}"  # Groq
    r"|nvapi-[\w-]{20,}"  # NVIDIA
    r"|glpat-[\w-]{16,}"  # GitLab
    r"|dapi[0-9a-f]{32}(?:-\d+)?"  # Databricks
    r"|hf_[A-Za-z0-9]{16,}|api_org_[A-Za-z0-9]{16,}"  # Hugging Face
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}"  # GitHub
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,}"  # AWS
    r"|xox[abeprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"  # Slack
    r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}"
    r"|npm_[A-Za-z0-9]{36}|pypi-Ag[\w-]{30,}"  # package registries
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}"  # Stripe, SendGrid
    r"|(?:pcsk|jina|r8|lsv2|tgp_v1|do[opr]_v1)_[A-Za-z0-9_]{20,}|fw_(?=[A-Za-z]*\d)[A-Za-z0-9]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"  # a JSON web token
    # Cohere: 40 letters of both cases, and digits. A commit's hash has one case.
    r"|(?=[A-Za-z]*\d)(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{40}(?![A-Za-z0-9])"
    # Mistral: 32 of the same. A name has digits at one place, at most.
    r"|(?=[A-Za-z]*\d+[A-Za-z]+\d)(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])[A-Za-z0-9]{32}(?![A-Za-z0-9])"
    r")"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
)
# A port is no password.
_PASSWORD = re.compile(r"""(?<=://)([^/@\s:'"]*):(?!\d+(?:[/?#\s'"]|$))([^\s'"]+)@""")
_USER_ALONE = re.compile(r"""(?<=://)([^/@\s:'"]+)(:?)@""")
_HTTP = re.compile(r"https?$", re.IGNORECASE)
_QUERY = re.compile(r"""([?&;])([\w.-]+)=([^&\s'";#]+)""")
_HEADER = re.compile(
    r"""(?i)(\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?+)"""
    r"""(?!\*\*\*)([^\s'",}]+)"""
)
_BEARER = re.compile(r"""(?i)(\bbearer\s+)(?=[^\s'"]*[\d._~+/=-])([\w.~+/=-]{8,})""")
# A name has at most 60 characters, or a text of names alone would take hours.
_ASSIGNED = re.compile(
    r"""(?<![\w?&])([A-Za-z][\w-]{0,60})(?:["']\s*[:=]|=|:\s+(?=["'])|:(?=\S))\s*"""
    r"""(["']?)([^\s'",;&}\])]+)"""
)
_NO_SECRETS = {"", "null", "none", "true", "false", "???", "...", MASK}


def mask(text: str) -> str:
    """`text` with every secret in it replaced by `***`."""
    for value in _environment_secrets():
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASK, text)
    text = _PRIVATE_KEY.sub(MASK, text)
    if "://" in text:
        text = _USER_ALONE.sub(_user, _PASSWORD.sub(rf"\1:{MASK}@", text))
    text = _QUERY.sub(_parameter, text)
    text = _HEADER.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _mask_assigned(text)
    return _FORMS.sub(MASK, text)


def is_secret(key: str, value: str) -> bool:
    """Whether a config value is a secret: by its key, its form, or as one of the environment's."""
    if value.lower() in _NO_SECRETS:
        return False
    return _is_strong(key) or (_is_weak(key) and _looks_secret(value)) or mask(value) != value


def mask_config(node: Any, key: str = "") -> Any:
    """A plain config (dicts, lists, scalars) without its secrets."""
    if isinstance(node, dict):
        return {k: mask_config(v, str(k)) for k, v in node.items()}
    if isinstance(node, list):
        return [mask_config(v, key) for v in node]
    if isinstance(node, str):
        return MASK if is_secret(key, node) and mask(node) == node else mask(node)
    if isinstance(node, int) and not isinstance(node, bool) and _is_strong(key):
        return MASK
    return node


def secrets_in(node: Any, path: str = "") -> list[str]:
    """The paths of a plain config under which a secret stands."""
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    else:
        key = re.sub(r"\.\d+$", "", path)
        return [path] if isinstance(node, str) and is_secret(key, node) else []
    return [p for k, v in items for p in secrets_in(v, f"{path}.{k}" if path else str(k))]


def _name(key: str) -> str:
    """The last part of a key in lower case, `AccountKey` and `account-key` as `account_key`."""
    last = key.rpartition(".")[2].replace("-", "_")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", last).lower()


def _is_strong(key: str) -> bool:
    return bool(_STRONG.search(_name(key)))


def _is_weak(key: str) -> bool:
    name = _name(key)
    return bool(_WEAK.search(name)) and not _SPECIAL_TOKEN.search(name)


def _looks_secret(value: str) -> bool:
    """Not a path, a number, an interpolation, or one or two ordinary words."""
    if len(value) < 6 or value.startswith(("${", "/", "./", "../", "~/", "[", "<")):
        return False
    if re.fullmatch(r"[\d.,:+-]+|[A-Za-z]+(?:[ _][A-Za-z]+)*", value):
        return bool(re.search(r"[a-z][A-Z]", value)) and len(value) >= 16
    if "://" in value and "@" not in value:
        return False
    return not re.fullmatch(r"[A-Za-z]:\\.*|\\\\.*", value)


def _environment_secrets() -> list[str]:
    """Values of the environment's secret variables, longest first; short ones are no secrets."""
    values = {os.environ[name] for name in os.environ if _names_secret(name)}
    return sorted((v for v in values if len(v) >= 8 and _looks_secret(v)), key=len, reverse=True)


@cache  # every text that leaves a run is masked: more than a thousand
def _names_secret(name: str) -> bool:
    """Whether the value of an environment variable may be a secret, by its name."""
    return bool(_IN_ENVIRONMENT.search(name.upper())) and name not in ("PWD", "OLDPWD")


def _user(match: re.Match[str]) -> str:
    before = match.string[: match.start()].removesuffix("://")
    if not match[2] and not _HTTP.search(before):
        return match[0]  # the user of a database
    return f"{MASK}{match[2]}@"


def _parameter(match: re.Match[str]) -> str:
    secret = _is_strong(match[2]) or _is_weak(match[2])
    return f"{match[1]}{match[2]}={MASK}" if secret else match[0]


def _mask_assigned(text: str) -> str:
    """What follows a secret's name. A value that is none may itself hold a name and its value."""
    masked, place = "", 0
    while match := _ASSIGNED.search(text, place):
        end = match.start(3)
        masked += text[place:end]
        if _is_assigned_secret(*match.groups()):
            masked, end = masked + MASK, match.end()
        place = end
    return masked + text[place:]


def _is_assigned_secret(key: str, quote: str, value: str) -> bool:
    if _name(key).endswith("authorization"):  # see _HEADER
        return False
    if value.lower() in _NO_SECRETS or value.startswith("${"):
        return False
    if _is_strong(key):
        return True
    # Of a name that may mean something else, only what is in quotes, and longer, with digits in it.
    plain = not quote or len(value) < 8 or not re.search(r"\d", value)
    return not plain and _is_weak(key) and _looks_secret(value)


class MaskingFormatter(logging.Formatter):
    r"""A log formatter that masks secrets, those in tracebacks included.

    What is not text (a terminal's commands, signs that turn the direction of writing) is shown
    as `\x1b`, and so on: a document in a message does not control the terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        return mask(printable(super().format(record)))


# Terminal commands (C0 but tab and line feed, C1, delete) and signs that turn the direction of
# writing (Unicode UAX 9), or that are invisible.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


def printable(text: str) -> str:
    r"""`text` with what a terminal would obey instead of show written as `\x1b`."""
    escape: Callable[[re.Match[str]], str] = lambda match: ascii(match[0])[1:-1]  # noqa: E731
    return _UNPRINTABLE.sub(escape, text)
