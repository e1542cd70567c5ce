"""Embeddings by Cohere, through its v2 client."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from components.base import UserError, require
from components.embedders.api import ApiEmbedder
from components.embedders.failures import Failure
from components.embedders.tokens import estimate_tokens


class CohereEmbedder(ApiEmbedder):
    """Vectors from Cohere's `/v2/embed`.

    The key is read from the environment variable CO_API_KEY and kept nowhere else.

    Parameters
    ----------
    model : str
    input_type : str
        What the vectors are for.
    dimensions : int, optional
        Shorter vectors, where the model can (embed-v4 and later).
    truncate : str
        Which end of too long a text the server drops; NONE: it refuses such a text.
    base_url : str, optional
        Of a private deployment. Else what CO_API_URL holds, else Cohere's own.
    batch_size : int
        At most so many texts a request: Cohere takes 96.
    max_input_tokens : int
        The model's limit, by which too long texts are counted. The server does the cutting; the
        count is an estimate. 512 for embed-english-v3.0 and embed-multilingual-v3.0.
    concurrency, timeout, max_retries, retry_delay, max_tokens
        As in `OpenAIEmbedder`.
    """

    service = "Cohere"
    key_variable = "CO_API_KEY"
    url_variable = "CO_API_URL"
    default_url = "https://api.cohere.com"

    def __init__(
        self,
        *,
        model: str = "embed-v4.0",
        input_type: Literal[
            "clustering", "classification", "search_document", "search_query"
        ] = "clustering",
        dimensions: int | None = None,
        truncate: Literal["END", "START", "NONE"] = "END",
        base_url: str | None = None,
        batch_size: int = 96,
        max_input_tokens: int = 128_000,
        concurrency: int = 4,
        timeout: float = 60.0,
        max_retries: int = 6,
        retry_delay: float = 1.0,
        max_tokens: int | None = None,
    ) -> None:
        require("cohere", extra="cohere")
        self.model = model
        self.input_type = input_type
        self.dimensions = dimensions
        self.truncate = truncate
        self.base_url = base_url
        self.batch_size = batch_size
        self.max_input_tokens = max_input_tokens
        self.concurrency = concurrency
        self.timeout = timeout
        self.max_retries = max_retries
        self.retry_delay = retry_delay
        self.max_tokens = max_tokens
        self._client: Any = None
        self._check()

    def fingerprint(self) -> dict[str, Any]:
        """The server, the model, and what changes its vectors."""
        return {
            "class": "CohereEmbedder",
            "server": self._server,
            "model": self.model,
            "input_type": self.input_type,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
        }

    def _connect(self) -> None:
        if self._client is None:
            from cohere import ClientV2

            self._client = ClientV2(api_key=self._key, base_url=self._url, timeout=self.timeout)

    def _send(self, texts: list[str]) -> tuple[Any, int | None]:
        options = {} if self.dimensions is None else {"output_dimension": self.dimensions}
        answer = self._client.embed(
            model=self.model,
            input_type=self.input_type,
            texts=texts,
            embedding_types=["float"],
            truncate=self.truncate,
            request_options={"max_retries": 0},
            **options,
        )
        vectors = getattr(getattr(answer, "embeddings", None), "float_", None)
        if vectors is None:
            raise UserError(
                f"Cohere: {self._server} answered {len(texts)} texts without vectors. Check that "
                "embedder.base_url is a Cohere server and embedder.model an embedding model."
            )
        billed = getattr(getattr(answer, "meta", None), "billed_units", None)
        cost = getattr(billed, "input_tokens", None)
        return np.array(vectors, np.float32), None if cost is None else int(cost)

    def _failure(self, error: Exception) -> Failure | None:
        import httpx
        from cohere.core.api_error import ApiError

        if isinstance(error, httpx.TimeoutException):
            return Failure(None, f"{self._server} did not answer within {self.timeout:g} s.")
        if isinstance(error, httpx.TransportError):
            return Failure(None, f"{self._server} cannot be reached ({error}).")
        if isinstance(error, ApiError):
            body = error.body if isinstance(error.body, dict) else {"message": error.body}
            message = str(body.get("message") or error.body)
            return Failure(error.status_code, message, error.headers or {})
        return None

    def _fit(self, text: str) -> tuple[str, int, bool]:
        tokens = estimate_tokens(text)
        return text, min(tokens, self.max_input_tokens), tokens > self.max_input_tokens
