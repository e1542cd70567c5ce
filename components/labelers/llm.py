"""Topics are labelled by a language model, over OpenAI's chat protocol."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.api.failures import redact
from components.api.openai import OpenAI, total_tokens
from components.api.requests import Requests
from components.api.tokens import estimate_tokens, truncate_by_estimate
from components.base import Integers, Matrix, ParameterError, Topic, UserError, require
from components.neighbors import unit_rows

log = logging.getLogger(__name__)

PLACEHOLDERS = ("{words}", "{documents}", "{language}")
LONGEST_LABEL = 100  # characters; what is longer is no label
LONGEST_DESCRIPTION = 600
_OURS = ("model", "messages", "stream", "n")  # of a request's body, not for `options`
_REFUSED = (400, 413, 422)  # the request itself: another topic's may be accepted
_ANSWER_TOKENS = 500  # that an answer is reckoned to use where `options` sets no limit


class LLMLabels:
    """Asks a language model for a label and a description of each topic.

    The model is shown the topic's words and a few of its typical documents that differ from each
    other. Its answer must be a JSON object with the keys `label` and, optionally, `description`.
    A topic whose answer is something else, or none, keeps its words as label, and is counted;
    what makes all further requests useless (a wrong key, no credit, a server that is down, the
    budget) is logged once, and the topics that are left keep their words too.

    The key is read from the environment variable OPENAI_API_KEY and held nowhere else.

    Parameters
    ----------
    model : str
    prompt : str
        With ``{words}`` and ``{documents}`` (at least one of them) and ``{language}``, where the
        topic's and the setting stand.
    base_url : str, optional
        Of a server that speaks the protocol, such as `http://localhost:11434/v1`. Else what
        OPENAI_BASE_URL holds, else OpenAI's own. Other servers than OpenAI's need no key.
    language : str, optional
        Of the labels, such as German; None: that of the documents.
    n_documents : int
        Documents shown for each topic; 0 shows the words alone.
    max_input_tokens : int
        Estimated tokens of these documents together; each is truncated to an equal share.
    options : dict, optional
        Further keys of the request's body, such as temperature, seed, max_tokens and
        response_format.
    concurrency, timeout, max_retries, retry_delay, max_tokens
        See `components.api.requests.Requests`.

    Attributes
    ----------
    metrics_ : dict[str, float]
        Of the last call of `label`: `n_labels_failed`, and `label_tokens`, which the requests
        used.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: str,
        base_url: str | None = None,
        language: str | None = None,
        n_documents: int = 4,
        max_input_tokens: int = 1500,
        options: dict[str, Any] | None = None,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        require("openai", extra="openai")
        self.model = model
        self.prompt = prompt
        self.language = language
        self.n_documents = n_documents
        self.max_input_tokens = max_input_tokens
        self.options = dict(options or {})
        self.timeout = timeout
        if not any(name in prompt for name in PLACEHOLDERS[:2]):
            raise ParameterError("prompt", prompt, "must hold {words} or {documents}.")
        if n_documents < 0:
            raise ParameterError("n_documents", n_documents, "must be at least 0.")
        if max_input_tokens < max(1, n_documents):
            raise ParameterError(
                "max_input_tokens", max_input_tokens, "must be at least 1 for each document."
            )
        for name in _OURS:
            if name in self.options:
                raise ParameterError("options", name, "is set by the labels themselves.")
        self._provider = OpenAI(model=model, base_url=base_url)
        self._requests = Requests(
            self._provider,
            concurrency=concurrency,
            timeout=timeout,
            max_retries=max_retries,
            retry_delay=retry_delay,
            max_tokens=max_tokens,
        )
        self._known: dict[str, str] = {}  # answers of this process, for runs without a cache

    def label(
        self,
        topics: Sequence[Topic],
        *,
        documents: Sequence[str],
        embeddings: Matrix,
        kept: Integers,
        answers: MutableMapping[str, str] | None = None,
    ) -> list[Topic]:
        """The topics with their labels and descriptions.

        Parameters
        ----------
        topics : sequence of Topic
        documents : sequence of str, length n
            All of the corpus: `Topic.examples` are rows of it.
        embeddings : float32 ndarray or CSR (m, d)
            The embedder's vectors of the rows `kept`.
        kept : int64 (m,)
            Ascending.
        answers : mapping of str to str, optional
            The model's answers so far, by a hash of the prompt and all that an answer depends
            on; new ones are added as they come.
        """
        known = self._known if answers is None else answers
        prompts = [self._prompt_of(topic, documents, embeddings, kept) for topic in topics]
        keys = [self._key(prompt) for prompt in prompts]
        found = {key: text for key in set(keys) if (text := known.get(key)) is not None}
        # Topics of two layers may be the same: a prompt is sent once.
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in found}
        tokens, refused = self._ask(new, found, known) if new else (0, {})
        labelled, failed = [], 0
        for topic, key in zip(topics, keys, strict=True):
            reason = refused.get(key, "it was not asked for")
            try:
                if key in found:
                    named = read_answer(found[key])
                    labelled.append(
                        replace(topic, label=named.label, description=named.description)
                    )
                    continue
            except ValueError as error:
                reason = str(error)
            failed += 1
            labelled.append(topic)
            log.log(
                logging.WARNING if failed == 1 else logging.INFO,
                "labels: topic %d keeps its words as label: %s",
                topic.id,
                reason,
            )
        log.info(
            "labels: %d of %d topics are labelled by %s, %d requests, %d tokens%s",
            len(topics) - failed,
            len(topics),
            self.model,
            len(new),
            tokens,
            f"; {failed} topics keep their words" if failed else "",
        )
        self.metrics_ = {"n_labels_failed": float(failed), "label_tokens": float(tokens)}
        return labelled

    def _ask(
        self, new: Mapping[str, str], found: dict[str, str], known: MutableMapping[str, str]
    ) -> tuple[int, dict[str, str]]:
        """Send prompts, by key; add the answers. Returns tokens used, and reasons by key."""
        client = self._provider.connect(self.timeout)
        keys, prompts = list(new), list(new.values())
        refused: dict[str, str] = {}

        def tokens(row: int) -> int:
            limits = (self.options.get(k) for k in ("max_completion_tokens", "max_tokens"))
            answer = next((limit for limit in limits if isinstance(limit, int)), _ANSWER_TOKENS)
            return estimate_tokens(prompts[row]) + answer

        def send(rows: Integers) -> tuple[str | _Refused, int | None]:
            return self._send(client, prompts[int(rows[0])])

        run = None
        try:
            with self._requests.start(len(prompts), tokens, send) as run:
                for rows, answer in run:
                    key = keys[int(rows[0])]
                    if isinstance(answer, _Refused):
                        refused[key] = answer.reason
                    else:
                        found[key] = known[key] = answer
        except UserError as error:
            # The topics cost far more than their labels: they are not given up for these.
            log.warning("labels: no further topic is labelled: %s", error)
        return run.tokens_used if run else 0, refused

    def _send(self, client: Any, prompt: str) -> tuple[str | _Refused, int | None]:
        """One request: the text of the answer, and the tokens that it used."""
        try:
            raw = client.chat.completions.with_raw_response.create(
                model=self.model,
                messages=[{"role": "user", "content": prompt}],
                extra_body=self.options,
            )
        except Exception as error:
            failure = self._provider.failure(error)
            if failure is None or failure.status not in _REFUSED or failure.out_of_credit:
                raise
            return _Refused(f"status {failure.status}: {redact(failure.message)}"), 0
        try:
            body = self._provider.read(raw)
        except UserError as error:
            return _Refused(str(error)), None
        used = total_tokens(body)
        try:
            message = body["choices"][0]["message"]
            content, refusal = message.get("content"), message.get("refusal")
        except (KeyError, IndexError, TypeError, AttributeError):
            return _Refused(str(self._provider.malformed("answered without a message"))), used
        return content if isinstance(content, str) else str(refusal or ""), used

    def _key(self, prompt: str) -> str:
        """Hash (hex) of all that an answer depends on."""
        identity = {
            "server": self._provider.server,
            "model": self.model,
            "options": self.options,
            "prompt": prompt,
        }
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _prompt_of(self, topic: Topic, documents: Sequence[str], X: Matrix, kept: Integers) -> str:
        values = {
            "words": ", ".join(word for word, _ in topic.words) or "(none)",
            "documents": "(none)",
            "language": self.language or "the language of the documents",
        }
        if self.n_documents:
            places = np.searchsorted(kept, topic.examples)
            chosen = [topic.examples[i] for i in diverse(X[places], self.n_documents)]
            share = self.max_input_tokens // self.n_documents
            texts = (truncate_by_estimate(" ".join(documents[r].split()), share) for r in chosen)
            values["documents"] = "\n".join(f"- {text}" for text in texts)
        # In one pass: a document may hold "{words}" itself.
        filled = re.sub(r"\{(words|documents|language)\}", lambda m: values[m[1]], self.prompt)
        return filled.encode("utf-8", "replace").decode()  # no lone surrogates


@dataclass(frozen=True)
class _Refused:
    """The server did not take this request, and may take another."""

    reason: str


@dataclass(frozen=True)
class Named:
    label: str
    description: str


def read_answer(text: str) -> Named:
    """The label and the description in a model's answer.

    Models wrap JSON in Markdown or in a sentence, so the outermost braces count.

    Raises
    ------
    ValueError
        Saying what is wrong with the answer.
    """
    if not text.strip():
        raise ValueError("the answer is empty")
    begin, end = text.find("{"), text.rfind("}")
    try:
        answer = json.loads(text[begin : end + 1], strict=False)
    except (ValueError, RecursionError):
        raise ValueError(f"the answer is not JSON: {_shown(text)}") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("label"), str):
        raise ValueError(f"the answer has no text 'label': {_shown(text)}")
    label, description = _line(answer["label"]), answer.get("description")
    if not any(map(str.isalnum, label)):
        raise ValueError(f"the label is empty: {_shown(text)}")
    if len(label) > LONGEST_LABEL:
        raise ValueError(f"the label has more than {LONGEST_LABEL} characters: {_shown(label)}")
    sentence = _line(description) if isinstance(description, str) else ""
    return Named(label, sentence[:LONGEST_DESCRIPTION])


def _line(text: str) -> str:
    """One line of what is printable."""
    joiners = "\u200c\u200d"  # parts of words in Persian and in Indic scripts
    plain = "".join(c if c.isprintable() or c in joiners else " " for c in text)
    return " ".join(plain.split())


def _shown(text: str) -> str:
    return redact(repr(text[:80]))


def diverse(X: Matrix, n: int) -> list[int]:
    """The first row, then each time the one least similar to those chosen; `n` at most.

    The similarity to the chosen rows is the highest cosine to one of them. Rows equal to a chosen
    one are left out.
    """
    unit = unit_rows(X)
    product: Any = unit @ unit.T
    cosines = np.asarray(product.toarray() if hasattr(product, "toarray") else product).round(6)
    chosen = [0]
    while len(chosen) < min(n, len(cosines)):
        highest = cosines[chosen].max(axis=0)
        highest[chosen] = np.inf
        best = int(highest.argmin())  # of equals, the more typical
        if highest[best] >= 1:
            break
        chosen.append(best)
    return chosen
