"""Topics are labelled by a language model."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from components.api.chat import (
    UNSENT,
    Chat,
    Refused,
    ServerChat,
    fill,
    listed,
    one_line,
    read_object,
    shown,
)
from components.base import Integers, Matrix, ParameterError, Topic, at_least
from components.neighbors import unit_rows
from components.result import dense

log = logging.getLogger(__name__)

PLACEHOLDERS = ("{words}", "{documents}")
LONGEST_LABEL = 100  # characters; what is longer is no label
LONGEST_DESCRIPTION = 600


class ModelLabels:
    """Asks a language model for a label and a description of each topic.

    The model is shown the topic's words and a few of its typical documents that differ from each
    other. Its answer must be a JSON object with the keys `label` and, optionally, `description`.
    A topic whose answer is something else, or none, keeps its words as label, and is counted;
    what makes all further requests useless (a wrong key, no credit, a server that is down, the
    budget) is logged once, and the topics that are left keep their words too.

    Parameters
    ----------
    chat : Chat
    prompt : str
        With ``{words}`` and ``{documents}`` (at least one of them) and ``{language}``, where the
        topic's and the setting stand.
    language : str, optional
        Of the labels, such as German; None: that of the documents.
    n_documents : int
        Documents shown for each topic; 0 shows the words alone.
    max_input_tokens : int
        Estimated tokens of these documents together; each is truncated to an equal share.

    Attributes
    ----------
    metrics_ : dict[str, float]
        Of the last call of `label`: `n_labels_failed`, and `label_tokens`, which the requests
        used.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        prompt: str,
        language: str | None,
        n_documents: int,
        max_input_tokens: int,
    ) -> None:
        self.chat = chat
        self.prompt = prompt
        self.language = language
        self.n_documents = n_documents
        self.max_input_tokens = max_input_tokens
        if not any(name in prompt for name in PLACEHOLDERS):
            raise ParameterError("prompt", prompt, "must hold {words} or {documents}.")
        at_least(0, n_documents=n_documents)
        if max_input_tokens < max(1, n_documents):
            raise ParameterError(
                "max_input_tokens", max_input_tokens, "must be at least 1 for each document."
            )

    def label(
        self,
        topics: Sequence[Topic],
        *,
        documents: Sequence[str],
        embeddings: Matrix,
        rows: Integers,
        answers: MutableMapping[str, str] | None = None,
    ) -> list[Topic]:
        """The topics with their labels and descriptions.

        Parameters
        ----------
        topics : sequence of Topic
        documents : sequence of str, length n
            All of the corpus: `Topic.examples` are rows of it.
        embeddings : float32 ndarray or CSR (m, d)
            The embedder's vectors of `rows`.
        rows : int64 (m,)
            Of the documents that have a vector, in any order.
        answers : mapping of str to str, optional
            The model's answers so far, see `Chat.ask`.
        """
        # Topics of two layers may be the same: a prompt is sent once.
        prompts = [self._prompt_of(topic, documents, embeddings, rows) for topic in topics]
        replies = self.chat.ask(prompts, answers)
        if replies.failure is not None:
            # The topics cost far more than their labels: they are not given up for these.
            log.warning("labels: no further topic is labelled: %s", replies.failure)
        labelled, n_failed, warned = [], 0, False
        for topic, text in zip(topics, replies.texts, strict=True):
            try:
                if isinstance(text, Refused):
                    raise ValueError(text.reason)
                named = read_answer(text)
            except ValueError as error:
                n_failed += 1
                labelled.append(topic)
                if text is UNSENT:
                    continue
                log.log(
                    logging.INFO if warned else logging.WARNING,
                    "labels: topic %d keeps its words as label: %s",
                    topic.id,
                    error,
                )
                warned = True
            else:
                labelled.append(replace(topic, label=named.label, description=named.description))
        log.info(
            "labels: %d of %d topics are labelled by %s, %d requests, %d tokens%s",
            len(topics) - n_failed,
            len(topics),
            self.chat.model,
            replies.n_requests,
            replies.tokens,
            f"; the words stay the label of {n_failed}" if n_failed else "",
        )
        self.metrics_ = {
            "n_labels_failed": float(n_failed),
            "label_tokens": float(replies.tokens),
        }
        return labelled

    def _prompt_of(self, topic: Topic, documents: Sequence[str], X: Matrix, rows: Integers) -> str:
        shown_documents = "(none)"
        if self.n_documents:
            places = [int(np.flatnonzero(rows == row)[0]) for row in topic.examples]
            shown = [topic.examples[i] for i in diverse(X[places], self.n_documents)]
            share = self.max_input_tokens // self.n_documents
            shown_documents = listed([documents[row] for row in shown], share * len(shown))
        return fill(
            self.prompt,
            words=", ".join(word for word, _ in topic.words) or "(none)",
            documents=shown_documents,
            language=self.language or "the language of the documents",
        )


class LLMLabels(ModelLabels):
    """Labels by a server that speaks OpenAI's chat protocol.

    Parameters
    ----------
    prompt, language, n_documents, max_input_tokens
        See `ModelLabels`.
    model, base_url, options
        See `components.api.chat.ServerChat`.
    concurrency, timeout, max_retries, retry_delay, max_tokens
        See `components.api.requests.Requests`.
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
        chat = ServerChat(
            model=model,
            base_url=base_url,
            options=options,
            concurrency=concurrency,
            timeout=timeout,
            max_retries=max_retries,
            retry_delay=retry_delay,
            max_tokens=max_tokens,
        )
        super().__init__(
            chat,
            prompt=prompt,
            language=language,
            n_documents=n_documents,
            max_input_tokens=max_input_tokens,
        )


@dataclass(frozen=True)
class Named:
    label: str
    description: str


def read_answer(text: str) -> Named:
    """The label and the description in a model's answer.

    Raises
    ------
    ValueError
        Saying what is wrong with the answer.
    """
    answer = read_object(text)
    if not isinstance(answer.get("label"), str):
        raise ValueError(f"the answer has no text 'label': {shown(text)}")
    label, description = one_line(answer["label"]), answer.get("description")
    if not any(map(str.isalnum, label)):
        raise ValueError(f"the label is empty: {shown(text)}")
    if len(label) > LONGEST_LABEL:
        raise ValueError(f"the label has more than {LONGEST_LABEL} characters: {shown(label)}")
    sentence = one_line(description) if isinstance(description, str) else ""
    return Named(label, sentence[:LONGEST_DESCRIPTION])


def diverse(X: Matrix, n: int) -> list[int]:
    """The first row, then each time the one least similar to those chosen; `n` at most.

    The similarity to the chosen rows is the highest cosine to one of them. Rows equal to a chosen
    one are left out.
    """
    unit = unit_rows(X)
    cosines = dense(unit @ unit.T).round(6)
    chosen = [0]
    while len(chosen) < min(n, len(cosines)):
        highest = cosines[chosen].max(axis=0)
        highest[chosen] = np.inf
        best = int(highest.argmin())  # of equals, the more typical
        if highest[best] >= 1:
            break
        chosen.append(best)
    return chosen
