"""Embeddings by Cohere, through its v2 client."""

from __future__ import annotations

from typing import Any, Literal

from components.api.cohere import Cohere
from components.api.requests import Requests
from components.api.tokens import estimate_tokens
from components.base import UserError, require
from components.embedders.api import ApiEmbedder


class CohereEmbedder(ApiEmbedder):
    """Vectors from Cohere's `/v2/embed`.

    The key is read from the environment variable CO_API_KEY and held nowhere else.

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
        At most so many texts per request: Cohere takes 96.
    max_input_tokens : int
        The model's limit, by which too long texts are counted. The server does the cutting; the
        count is an estimate. 512 for embed-english-v3.0 and embed-multilingual-v3.0.
    concurrency, timeout, max_retries, retry_delay, max_tokens, price
        As in `OpenAIEmbedder`.
    """

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
        price: float | None = None,
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
        self.price = price
        self._provider = Cohere(model=model, base_url=base_url)
        self._requests = Requests(
            self._provider,
            concurrency=concurrency,
            timeout=timeout,
            max_retries=max_retries,
            retry_delay=retry_delay,
            max_tokens=max_tokens,
        )
        self._check()

    def fingerprint(self) -> dict[str, Any]:
        """The server, the model, and what changes its vectors."""
        return {
            "class": "CohereEmbedder",
            "server": self._provider.server,
            "model": self.model,
            "input_type": self.input_type,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
        }

    def _send(self, texts: list[str]) -> tuple[list[Any], int | None]:
        from cohere.core.api_error import ApiError

        options = {} if self.dimensions is None else {"output_dimension": self.dimensions}
        try:
            answer = self._client.embed(
                model=self.model,
                input_type=self.input_type,
                texts=texts,
                embedding_types=["float"],
                truncate=self.truncate,
                request_options={"max_retries": 0},
                **options,
            )
            vectors = answer.embeddings.float_
        except (ApiError, ValueError, TypeError, AttributeError) as error:
            if isinstance(error, ApiError) and error.status_code != 200:
                raise
            # The SDK's parser raises whatever comes of an answer that is not of its shape.
            raise self._malformed(texts) from None
        if not isinstance(vectors, list) or len(vectors) != len(texts):
            raise self._malformed(texts)
        billed = getattr(getattr(answer, "meta", None), "billed_units", None)
        cost = getattr(billed, "input_tokens", None)
        return vectors, int(cost) if isinstance(cost, int | float) and cost >= 0 else None

    def _malformed(self, texts: list[str]) -> UserError:
        return self._provider.malformed(f"answered {len(texts)} texts without as many vectors")

    def _fit(self, text: str) -> tuple[str, int, bool]:
        tokens = estimate_tokens(text)
        return text, min(tokens, self.max_input_tokens), tokens > self.max_input_tokens
