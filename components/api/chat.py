"""Prompts to a language model that speaks OpenAI's chat protocol."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.api.failures import redact
from components.api.openai import OpenAI, total_tokens
from components.api.requests import Requests
from components.api.tokens import estimate_tokens, truncate_by_estimate
from components.base import Integers, ParameterError, UserError, require

_RESERVED = ("model", "messages", "stream", "n")  # of a request's body, not for `options`
_DECODER = json.JSONDecoder(strict=False)
_ANSWER_TOKENS = 500  # estimated for an answer where `options` sets no limit


@dataclass(frozen=True)
class Refused:
    """The model did not take this prompt, and may take another."""

    reason: str


UNSENT = Refused("it was not sent, or failed")
"""After a failure that ended the requests, which says all that there is to say."""


@dataclass(frozen=True)
class Replies:
    """What a model answered.

    texts : an answer for each prompt, or why there is none; n_requests, tokens : what was answered
    and used now, which is nothing for cached answers; failure : what stopped the requests early
    """

    texts: list[str | Refused]
    n_requests: int = 0
    tokens: int = 0
    failure: UserError | None = None


class Chat(Protocol):
    """A language model that answers prompts, each by itself."""

    model: str

    def ask(
        self, prompts: Sequence[str], answers: MutableMapping[str, str] | None = None
    ) -> Replies: ...


class ServerChat:
    """A model behind OpenAI's chat protocol; a prompt that was answered is not sent again.

    The key is read from the environment variable OPENAI_API_KEY and held nowhere else.

    Parameters
    ----------
    model : str
    base_url : str, optional
        Of a server that speaks the protocol, such as `http://localhost:11434/v1`. Else what
        OPENAI_BASE_URL holds, else OpenAI's own. Other servers than OpenAI's need no key.
    options : dict, optional
        Further keys of the request's body, such as temperature, seed, max_tokens and
        response_format.
    concurrency, timeout, max_retries, retry_delay, max_tokens
        See `components.api.requests.Requests`.

    Raises
    ------
    ParameterError, MissingExtraError
    UserError
        When the server is OpenAI's own and no key is set.
    """

    def __init__(
        self,
        *,
        model: str,
        base_url: str | None = None,
        options: dict[str, Any] | None = None,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        require("openai", extra="openai")
        self.model = model
        self.options = dict(options or {})
        self.timeout = timeout
        for name in _RESERVED:
            if name in self.options:
                raise ParameterError("options", name, "is set by the program itself.")
        self._provider = OpenAI(model=model, base_url=base_url)
        self._requests = Requests(
            self._provider,
            concurrency=concurrency,
            timeout=timeout,
            max_retries=max_retries,
            retry_delay=retry_delay,
            max_tokens=max_tokens,
        )
        self._answers: dict[str, str] = {}  # of this process, for runs without a cache

    def ask(
        self, prompts: Sequence[str], answers: MutableMapping[str, str] | None = None
    ) -> Replies:
        """The model's answers to `prompts`.

        Parameters
        ----------
        prompts : sequence of str
            Equal ones are sent once.
        answers : mapping of str to str, optional
            Answers so far, by a hash of all that an answer depends on; new ones are added as they
            come.
        """
        stored = self._answers if answers is None else answers
        keys = [self._key(prompt) for prompt in prompts]
        texts: dict[str, str | Refused] = {
            key: text for key in set(keys) if (text := stored.get(key)) is not None
        }
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in texts}
        tokens, failure = self._send_all(new, texts, stored) if new else (0, None)
        n_sent = sum(key in texts for key in new)
        return Replies([texts.get(key, UNSENT) for key in keys], n_sent, tokens, failure)

    def _send_all(
        self,
        new: Mapping[str, str],
        texts: dict[str, str | Refused],
        stored: MutableMapping[str, str],
    ) -> tuple[int, UserError | None]:
        """Send prompts, by key; add to `texts` and `stored`. Returns tokens used, and a failure."""
        client = self._provider.connect(self.timeout)
        keys, prompts = list(new), list(new.values())

        def tokens(row: int) -> int:
            limits = (self.options.get(k) for k in ("max_completion_tokens", "max_tokens"))
            answer = next((limit for limit in limits if isinstance(limit, int)), _ANSWER_TOKENS)
            return estimate_tokens(prompts[row]) + answer

        def send(rows: Integers) -> tuple[str | Refused, int | None]:
            return self._send(client, prompts[int(rows[0])])

        run = None
        try:
            with self._requests.start(len(prompts), tokens, send) as run:
                for rows, answer in run:
                    key = keys[int(rows[0])]
                    texts[key] = answer
                    if isinstance(answer, str):
                        stored[key] = answer
        except UserError as error:
            return run.tokens_used if run else 0, error
        return run.tokens_used, None

    def _send(self, client: Any, prompt: str) -> tuple[str | Refused, int | None]:
        """One request: the text of the answer, and the tokens that it used."""
        try:
            raw = client.chat.completions.with_raw_response.create(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                extra_body=self.options,
            )
        except Exception as error:
            failure = self._provider.failure(error)
            if failure is None or not failure.of_items:
                raise
            return Refused(f"status {failure.status}: {redact(failure.message)}"), 0
        try:
            body = self._provider.read(raw)
        except UserError as error:
            return Refused(str(error)), None
        used = total_tokens(body)
        try:
            message = body["choices"][0]["message"]
            content, refusal = message.get("content"), message.get("refusal")
        except (KeyError, IndexError, TypeError, AttributeError):
            return Refused(str(self._provider.malformed("answered without a message"))), used
        return content if isinstance(content, str) else str(refusal or ""), used

    def _key(self, prompt: str) -> str:
        return answer_key(
            server=self._provider.server, model=self.model, options=self.options, prompt=prompt
        )


def fill(template: str, **values: str) -> str:
    """`template` with a value in place of each `{name}`; other braces stay as they are.

    In one pass, since a document may hold "{words}" itself; and without lone surrogates.
    """
    names = "|".join(map(re.escape, values))
    filled = re.sub(rf"\{{({names})\}}", lambda match: values[match[1]], template)
    return filled.encode("utf-8", "replace").decode()


def listed(documents: Sequence[str], max_tokens: int, *, numbered: bool = False) -> str:
    """Documents for a prompt, a line each, truncated to equal shares of the estimated tokens."""
    share = max(1, max_tokens // max(1, len(documents)))
    lines = (truncate_by_estimate(" ".join(document.split()), share) for document in documents)
    return "\n".join(f"{n}. {line}" if numbered else f"- {line}" for n, line in enumerate(lines, 1))


def answer_key(**identity: Any) -> str:
    """Hash (hex) of all that an answer depends on."""
    text = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def read_object(text: str) -> dict[str, Any]:
    """The JSON object in a model's answer.

    Models wrap JSON in Markdown or in a sentence, so it begins at a brace; small ones go on after
    its end, and others think first, in a `<think>` of their own. Both are left out.

    Raises
    ------
    ValueError
        Saying what is wrong with the answer.
    """
    if not text.strip():
        raise ValueError("the answer is empty")
    said = text.rpartition("</think>")[2]
    try:
        answer, _ = _DECODER.raw_decode(said, said.index("{"))
    except (ValueError, RecursionError):
        unfinished = said.count("{") > said.count("}") or "<think>" in said
        wrong = "was cut off (raise the limit of its tokens)" if unfinished else "is not JSON"
        raise ValueError(f"the answer {wrong}: {shown(said)}") from None
    return dict(answer)


def shown(text: str) -> str:
    """The beginning of an answer, for a message."""
    return redact(repr(text[:80]))


def one_line(text: str) -> str:
    """One line of what is printable."""
    joiners = "\u200c\u200d"  # parts of words in Persian and in Indic scripts
    plain = "".join(c if c.isprintable() or c in joiners else " " for c in text)
    return " ".join(plain.split())
