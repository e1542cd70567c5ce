"""A language model as judge: are a topic's words of one kind, and do its documents belong there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.api.chat import UNSENT, Chat, Refused, ServerChat, read_object
from components.base import ParameterError, Result, Topic, at_least, largest
from components.metrics import llm_questions as questions
from components.metrics.llm_questions import PLACEHOLDERS, Question

log = logging.getLogger(__name__)


class LLMJudge:
    """Asks a language model three questions on each topic, and averages the answers.

    llm_intrusion
        Share of the tests in which the model finds the word that does not belong: five words of a
        topic, and one that is among the first of another topic and has little weight in this one,
        in random order. 1 is best; a guess finds 1 in 6. Chang et al. 2009 (NeurIPS), with a
        model in place of people as in Stammbach et al. 2023 (arXiv:2305.12152).
    llm_rating
        Mean rating of how related a topic's words are, from 1 (not) to 3 (very); Stammbach et al.
    llm_fit
        The model names a topic from some of its typical documents, and then says which of other
        documents fit that name: as many of the topic's as of other topics', drawn at random. The
        agreement with the assignment is Cohen's kappa: 1 where it is complete, 0 by chance. (Half
        of the documents are the topic's, so it is twice the share of agreement, less 1.) After
        ProxAnn (Hoyle et al. 2025, ACL), which asks for degrees of fit.
    llm_unanswered
        Questions without a usable answer: refused, empty, nonsense, or not sent because the budget
        was used up or the server could not be reached. They are no part of the means above.
    llm_tokens
        That the requests used; cached answers use none.

    A question is not asked of a topic that it does not suit (fewer than three words; no document
    that was not shown before), nor at all where its prompt is left out.

    Parameters
    ----------
    prompts : mapping of str to str
        intrusion and rating with ``{words}``, name with ``{documents}``, fit with ``{name}`` and
        ``{documents}``. They ask for a JSON object each: {"word": ...}, {"rating": ...},
        {"name": ...} and {"fits": [numbers]}.
    n_topics : int, optional
        Judge only so many, the largest; None: all.
    n_intruders : int
        Tests for each topic, with different intruders.
    n_words : int
        Words that are rated.
    n_documents : int
        Documents from which the model names a topic.
    n_held_out : int
        Further documents of which it says whether they fit; an even number.
    max_input_tokens : int
        Estimated tokens of the documents of one prompt together; each is truncated to its share.
    seed : int
        Of the random choices.
    chat : Chat, optional
        The model that is asked; None: the one of the following, on a server.
    model, base_url, options
        See `components.api.chat.ServerChat`.
    concurrency, timeout, max_retries, retry_delay, max_tokens
        See `components.api.requests.Requests`.

    Attributes
    ----------
    tables_ : dict[str, list of dict]
        Of the last call: "llm_judge", a row for each judged topic.
    """

    main_topics_only = True  # layers are not judged: each would cost as much again

    def __init__(
        self,
        *,
        prompts: Mapping[str, str],
        chat: Chat | None = None,
        model: str | None = None,
        base_url: str | None = None,
        n_topics: int | None = None,
        n_intruders: int = 3,
        n_words: int = 10,
        n_documents: int = 4,
        n_held_out: int = 8,
        max_input_tokens: int = 1500,
        seed: int = 0,
        options: dict[str, Any] | None = None,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        self.prompts = _checked(prompts)
        self.n_topics = n_topics
        self.n_intruders = n_intruders
        self.n_words = n_words
        self.n_documents = n_documents
        self.n_held_out = n_held_out
        self.max_input_tokens = max_input_tokens
        self.seed = seed
        at_least(1, n_topics=n_topics, n_intruders=n_intruders, n_words=n_words)
        at_least(1, n_documents=n_documents, max_input_tokens=max_input_tokens)
        if n_held_out < 2 or n_held_out % 2:
            raise ParameterError(
                "n_held_out", n_held_out, "must be even: half of the documents are the topic's."
            )
        if chat is None and (model is None or _names_a_local_model(model, base_url)):
            raise ParameterError(
                "model",
                model,
                "is no model of OpenAI's, which is asked here. Type metrics=llm_local to ask a "
                "model that runs in this process, as labels=transformers does, or the address of "
                "your server: metrics.llm.base_url=http://localhost:11434/v1",
            )
        self.chat: Chat = chat or ServerChat(
            model=str(model),
            base_url=base_url,
            options=options,
            concurrency=concurrency,
            timeout=timeout,
            max_retries=max_retries,
            retry_delay=retry_delay,
            max_tokens=max_tokens,
        )

    def __call__(
        self, result: Result, answers: MutableMapping[str, str] | None = None
    ) -> dict[str, float | None]:
        """The measures by name; None for one of whose questions none was answered.

        Parameters
        ----------
        result : Result
        answers : mapping of str to str, optional
            The model's answers so far, see `ServerChat.ask`.
        """
        topics = sorted(largest(result.topics)[: self.n_topics], key=lambda topic: topic.id)
        first = list(self._on_words_and_names(result, topics))
        values, n_requests, tokens = self._ask(first, answers)
        asked = list(zip(first, values, strict=True))
        second = list(
            self._on_fit(result, {q.topic: v for q, v in asked if q.kind == "name" and v})
        )
        values, n_more, more = self._ask(second, answers)
        asked += zip(second, values, strict=True)
        by_topic: dict[int, dict[str, list[Any]]] = {
            topic.id: {kind: [] for kind in PLACEHOLDERS} for topic in topics
        }
        for question, value in asked:
            by_topic[question.topic][question.kind].append(value)
        self.tables_ = {"llm_judge": [_row(topic, by_topic[topic.id]) for topic in topics]}
        n_unanswered = sum(value is None for _, value in asked)
        log.info(
            "llm judge: %s was asked %d questions on %d topics, %d requests, %d tokens%s",
            self.chat.model,
            len(asked),
            len(topics),
            n_requests + n_more,
            tokens + more,
            f"; {n_unanswered} questions have no usable answer" if n_unanswered else "",
        )
        means = {
            f"llm_{kind}": _mean(value for question, value in asked if question.kind == kind)
            for kind in ("intrusion", "rating", "fit")
        }
        return means | {"llm_unanswered": float(n_unanswered), "llm_tokens": float(tokens + more)}

    def _on_words_and_names(self, result: Result, topics: Sequence[Topic]) -> Iterator[Question]:
        if prompt := self.prompts.get("intrusion"):
            yield from questions.intrusion(prompt, result, topics, self.n_intruders, self.seed)
        if prompt := self.prompts.get("rating"):
            yield from questions.rating(prompt, topics, self.n_words)
        if prompt := self.prompts.get("name"):
            most = self.max_input_tokens
            yield from questions.naming(prompt, result, topics, self.n_documents, most)

    def _on_fit(self, result: Result, names: Mapping[int, str]) -> Iterator[Question]:
        if prompt := self.prompts.get("fit"):
            yield from questions.fit(
                prompt,
                result,
                names,
                n_shown=self.n_documents,
                n_held_out=self.n_held_out,
                max_tokens=self.max_input_tokens,
                seed=self.seed,
            )

    def _ask(
        self, asked: Sequence[Question], answers: MutableMapping[str, str] | None
    ) -> tuple[list[Any], int, int]:
        """What each answer says, None where it is of no use; requests sent and tokens used."""
        replies = self.chat.ask([question.prompt for question in asked], answers)
        if replies.failure is not None:
            log.warning("llm judge: no further question is asked: %s", replies.failure)
        values: list[Any] = []
        warned = False
        for question, text in zip(asked, replies.texts, strict=True):
            try:
                if isinstance(text, Refused):
                    raise ValueError(text.reason)
                values.append(question.read(read_object(text)))
            except ValueError as error:
                values.append(None)
                if text is UNSENT:
                    continue
                log.log(
                    logging.DEBUG if warned else logging.WARNING,
                    "llm judge: no usable answer on the %s of topic %d: %s",
                    question.kind,
                    question.topic,
                    error,
                )
                warned = True
        return values, replies.n_requests, replies.tokens


def _names_a_local_model(model: str, base_url: str | None) -> bool:
    """Whether a name is that of a folder or of a hub's model, and the server is OpenAI's own."""
    if base_url or os.environ.get("OPENAI_BASE_URL"):
        return False
    return "/" in model or Path(model).is_dir()


def _checked(prompts: Mapping[str, str]) -> dict[str, str]:
    for kind, prompt in prompts.items():
        if kind not in PLACEHOLDERS:
            raise ParameterError("prompts", kind, f"must be of {', '.join(PLACEHOLDERS)}.")
        for name in PLACEHOLDERS[kind]:
            if f"{{{name}}}" not in str(prompt):
                raise ParameterError(f"prompts.{kind}", prompt, f"must hold {{{name}}}.")
    if not prompts:
        raise ParameterError("prompts", prompts, "must hold one prompt or more.")
    if ("name" in prompts) != ("fit" in prompts):
        raise ParameterError("prompts", list(prompts), "must hold both of name and fit, or none.")
    return dict(prompts)


def _mean(values: Iterable[float | None]) -> float | None:
    """The mean of those that are not None; None where there is none."""
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None


def _row(topic: Topic, values: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """A row of llm_judge.csv; what was not asked or not answered is empty."""
    means = {kind: _mean(values[kind]) for kind in ("intrusion", "rating", "fit")}
    shown = {kind: "" if mean is None else round(mean, 4) for kind, mean in means.items()}
    n_unanswered = sum(value is None for of_kind in values.values() for value in of_kind)
    name = next((name for name in values["name"] if name), "")
    head = {"topic": topic.id, "label": topic.label}
    return head | shown | {"name": name, "unanswered": n_unanswered}
