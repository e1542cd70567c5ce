"""What embedders behind a paid HTTP API share."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.api.provider import Provider
from components.api.requests import Requests
from components.api.run import Run
from components.base import Floats, Integers, Matrix, ParameterError, at_least

log = logging.getLogger(__name__)


class ApiEmbedder:
    """The base of embedders behind an API; a subclass sends one request.

    Attributes
    ----------
    truncated_ : bool (n,)
        Which documents of the last call were too long.
    metrics_ : dict
        `embed_tokens`: tokens that the last call cost, as the server counted them;
        `embed_cost`: what these cost, where there is a `price`.
    """

    # Set by the constructor of a subclass.
    model: str
    batch_size: int
    max_input_tokens: int
    max_request_tokens: int | None = None
    price: float | None = None
    timeout: float
    _provider: Provider
    dimensions: int | None
    _requests: Requests
    _client: Any = None

    def encode(self, documents: Sequence[str]) -> Matrix:
        """Vectors of the documents: float32 (n, d), in their order.

        Raises
        ------
        UserError
            When the server refuses, cannot be reached, or the budget is used up.
        """
        X: Floats = np.empty((0, 0), np.float32)
        for rows, vectors in self.iter_encode(documents):
            if not len(X):
                X = np.empty((len(documents), vectors.shape[1]), np.float32)
            X[rows] = vectors
        return X

    def iter_encode(self, documents: Sequence[str]) -> Iterator[tuple[Integers, Floats]]:
        """Yield (rows, vectors) of each request as soon as it is answered, in any order.

        Nothing that was paid for is lost: after a failure, Ctrl-C or SIGTERM, the answers to the
        requests under way are still yielded, then the error is raised. Where one text of a request
        is refused, the vectors of all others are yielded first. Of an answer in which some vectors
        are malformed, the others are yielded.
        """
        self.metrics_ = {"embed_tokens": 0.0}
        self.truncated_ = np.zeros(len(documents), bool)
        if self._client is None:
            self._client = self._provider.connect(self.timeout)
        texts: dict[int, str] = {}  # what is sent for a document, until it is answered

        def tokens(row: int) -> int:
            sendable = documents[row].encode("utf-8", "replace").decode()  # no lone surrogates
            texts[row], count, self.truncated_[row] = self._fit(sendable)
            return count

        def send(rows: Integers) -> tuple[list[Any], int | None]:
            return self._send([texts[row] for row in rows.tolist()])

        lengths = _Lengths(self.dimensions)
        with self._requests.start(
            len(documents),
            tokens,
            send,
            batch_size=self.batch_size,
            batch_tokens=self.max_request_tokens,
        ) as run:
            for rows, values in run:
                self.metrics_["embed_tokens"] = float(run.tokens_used)
                if self.price is not None:
                    self.metrics_["embed_cost"] = run.tokens_used * self.price / 1e6
                for row in rows.tolist():
                    del texts[row]
                vectors = [vector_of(value) for value in values]
                if bad := sum(vector is None for vector in vectors):
                    good = f"{len(rows) - bad} vectors of finite numbers"
                    run.fail(self._provider.malformed(f"answered {len(rows)} texts with {good}"))
                yield from lengths.add(rows, vectors)
                if lengths.right is not None:
                    self._check_lengths(lengths, run)
            yield from lengths.rest()
            self._check_lengths(lengths, run)
            if run.refused:
                begins = documents[run.refused[0]][:100]
                log.warning("texts refused: %d, the first begins %r", len(run.refused), begins)

    def _check_lengths(self, lengths: _Lengths, run: Run) -> None:
        if self.dimensions is not None and (others := lengths.seen - {self.dimensions}):
            run.fail(
                ParameterError(
                    "dimensions",
                    self.dimensions,
                    f"{self._provider.server} answered with vectors of {min(others)} numbers: "
                    f"model={self.model} has no others, or the server does not shorten them. Type "
                    "null to take them as they are.",
                )
            )
        elif len(lengths.seen) > 1:
            seen = " and ".join(map(str, sorted(lengths.seen)))
            run.fail(
                self._provider.malformed(
                    f"answered with vectors of {seen} numbers, which must have the same length"
                )
            )

    # --- What a subclass says ---------------------------------------------------------------

    def _send(self, texts: list[str]) -> tuple[list[Any], int | None]:
        """One request: a value for each text, in order, and the tokens that it cost.

        A value is what the server gave for a vector, of any type; None where it gave none.
        """
        raise NotImplementedError

    def _fit(self, text: str) -> tuple[str, int, bool]:
        """What to send for `text`, how many tokens that is, and whether `text` was too long."""
        raise NotImplementedError

    def _check(self) -> None:
        """For the end of a constructor."""
        at_least(1, batch_size=self.batch_size, max_input_tokens=self.max_input_tokens)
        at_least(1, dimensions=self.dimensions, max_request_tokens=self.max_request_tokens)
        if self.price is not None and not 0 <= self.price < np.inf:
            raise ParameterError("price", self.price, "must be a number of at least 0.")


class _Lengths:
    """Holds vectors back until it is known how long they ought to be.

    The first answer may be the malformed one, and a vector of a wrong length must not be stored:
    right ones could not stand beside it. So the length is that which was asked for, or else that
    on which two answers agree, or that of the only answer.

    Attributes
    ----------
    right : int, optional
        The length, once it is known.
    seen : set of int
        Every length that came.
    """

    def __init__(self, right: int | None) -> None:
        self.right = right
        self.seen: set[int] = set()
        self._votes: set[int] = set()
        self._held: list[tuple[Integers, Floats]] = []

    def add(self, rows: Integers, vectors: list[Floats | None]) -> list[tuple[Integers, Floats]]:
        """Take in one answer; what is now known to be right."""
        by_length: dict[int, list[tuple[int, Floats]]] = {}
        for row, vector in zip(rows.tolist(), vectors, strict=True):
            if vector is not None:
                by_length.setdefault(len(vector), []).append((row, vector))
        if not by_length:
            return []
        for group in by_length.values():
            self._held.append((np.array([r for r, _ in group]), np.stack([v for _, v in group])))
        vote = max(by_length, key=lambda length: len(by_length[length]))
        if self.right is None and vote in self._votes:
            self.right = vote
        self._votes.add(vote)
        self.seen |= set(by_length)
        return self._release()

    def rest(self) -> list[tuple[Integers, Floats]]:
        """What is still held, unless no two answers agree."""
        if self.right is None and len(self._votes) == 1:
            (self.right,) = self._votes
        return self._release()

    def _release(self) -> list[tuple[Integers, Floats]]:
        if self.right is None:
            return []
        held, self._held = self._held, []
        return [(rows, vectors) for rows, vectors in held if vectors.shape[1] == self.right]


def vector_of(value: Any) -> NDArray[np.float32] | None:
    """A list of numbers as float32 (d,); None where it is no such list, or not finite."""
    if not isinstance(value, list | np.ndarray) or not len(value):
        return None
    try:
        vector = np.asarray(value)
    except ValueError:  # lists of different lengths inside
        return None
    if vector.ndim != 1 or vector.dtype.kind not in "iuf":
        return None
    with np.errstate(over="ignore"):
        vector = vector.astype(np.float32)
    return vector if np.isfinite(vector).all() else None
