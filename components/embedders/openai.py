"""Embeddings by OpenAI, or by any server that speaks its protocol."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.base import Integers, UserError, require
from components.embedders.api import ApiEmbedder, cut
from components.embedders.failures import Failure
from components.embedders.tokens import estimate_tokens, truncate_by_estimate


class OpenAIEmbedder(ApiEmbedder):
    """Vectors from `/v1/embeddings`.

    The key is read from the environment variable OPENAI_API_KEY and kept nowhere else.

    Parameters
    ----------
    model : str
    dimensions : int, optional
        Shorter vectors, where the model can.
    base_url : str, optional
        Of an OpenAI-compatible server, such as `http://localhost:8000/v1`. Else what
        OPENAI_BASE_URL holds, else OpenAI's own. Other servers than OpenAI's need no key.
    tokenizer : str, optional
        A tiktoken encoding, such as `cl100k_base`: tokens are counted exactly (tiktoken fetches
        its vocabulary the first time). Without it they are estimated, rather too many than too
        few: a text near `max_input_tokens` may be cut earlier than need be.
    batch_size, max_input_tokens, max_request_tokens : int
        At most so many texts a request, tokens a text, tokens a request. The defaults are
        OpenAI's limits.
    concurrency : int
        Requests under way at once.
    timeout : float
        Seconds to wait for an answer.
    max_retries : int
        How often a request is sent again after a 429, a 5xx, a time-out or a dropped connection.
    retry_delay : float
        Seconds before the first of these, doubled each time, up to a minute. `Retry-After`, where
        the server sends it, is obeyed instead.
    max_tokens : int, optional
        Budget of this object in tokens: it stops before more are used.
    """

    service = "OpenAI"
    key_variable = "OPENAI_API_KEY"
    url_variable = "OPENAI_BASE_URL"
    default_url = "https://api.openai.com/v1"

    def __init__(
        self,
        *,
        model: str = "text-embedding-3-small",
        dimensions: int | None = None,
        base_url: str | None = None,
        tokenizer: str | None = None,
        batch_size: int = 2048,
        max_input_tokens: int = 8192,
        max_request_tokens: int = 300_000,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        require("openai", extra="openai")
        if tokenizer is not None:
            require("tiktoken", extra="openai")
        self.model = model
        self.dimensions = dimensions
        self.base_url = base_url
        self.tokenizer = tokenizer
        self.batch_size = batch_size
        self.max_input_tokens = max_input_tokens
        self.max_request_tokens = max_request_tokens
        self.concurrency = concurrency
        self.timeout = timeout
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self.max_tokens = max_tokens
        self._client: Any = None
        self._vocabulary: Any = None
        self._check()

    def fingerprint(self) -> dict[str, Any]:
        """The server, the model, and what cuts a text."""
        return {
            "class": "OpenAIEmbedder",
            "server": self._server,
            "model": self.model,
            "dimensions": self.dimensions,
            "tokenizer": self.tokenizer,
            "max_input_tokens": self.max_input_tokens,
        }

    def _connect(self) -> None:
        if self._client is None:
            from openai import OpenAI

            self._client = OpenAI(
                api_key=self._key, base_url=self._url, timeout=self.timeout, max_retries=0
            )

    def _send(self, texts: list[str]) -> tuple[Any, int | None]:
        options = {} if self.dimensions is None else {"dimensions": self.dimensions}
        try:
            answer = self._client.embeddings.create(model=self.model, input=texts, **options)
        except ValueError:  # the SDK's word for an answer that holds no vectors, or no JSON
            answer = None
        entries = getattr(answer, "data", None) or []
        if sorted(entry.index for entry in entries) != list(range(len(texts))):
            raise UserError(
                f"OpenAI: {self._server} answered {len(texts)} texts with {len(entries)} vectors, "
                "or without numbering them. Check that embedder.base_url is an "
                "OpenAI-compatible server (its path mostly ends in /v1) and embedder.model an "
                "embedding model."
            )
        X = np.array([e.embedding for e in sorted(entries, key=lambda e: e.index)], np.float32)
        usage = getattr(answer, "usage", None)
        return X, usage.total_tokens if usage is not None else None

    def _failure(self, error: Exception) -> Failure | None:
        import openai

        if isinstance(error, openai.APITimeoutError):
            return Failure(None, f"{self._server} did not answer within {self.timeout:g} s.")
        if isinstance(error, openai.APIConnectionError):
            return Failure(None, f"{self._server} cannot be reached ({error.__cause__ or error}).")
        if isinstance(error, openai.APIStatusError):
            body = error.body if isinstance(error.body, dict) else {}
            return Failure(
                error.status_code,
                str(body.get("message") or error.message),
                error.response.headers,
                out_of_credit=error.code == "insufficient_quota",
            )
        return None

    def _fit(self, text: str) -> tuple[str, int, bool]:
        most = self.max_input_tokens
        if self.tokenizer is None:
            tokens = estimate_tokens(text)
            if tokens <= most:
                return text, tokens, False
            return truncate_by_estimate(text, most), most, True
        vocabulary = self._tiktoken(self.tokenizer)
        ids = vocabulary.encode_ordinary(text)
        if len(ids) <= most:
            return text, len(ids), False
        return vocabulary.decode(ids[:most], errors="ignore"), most, True

    def _tiktoken(self, name: str) -> Any:
        if self._vocabulary is None:
            import tiktoken

            try:
                self._vocabulary = tiktoken.get_encoding(name)
            except Exception as error:  # an unknown name, or whatever its download raises
                reason = str(error).partition("\n")[0]
                raise UserError(
                    f"embedder.tokenizer={name!r} could not be loaded ({reason}). It must be one "
                    f"of {', '.join(tiktoken.list_encoding_names())}, whose file tiktoken fetches "
                    "the first time; embedder.tokenizer=null needs no file."
                ) from error
        return self._vocabulary

    def _batches(self, tokens: Integers) -> list[Integers]:
        return cut(tokens, self.batch_size, self.max_request_tokens)
