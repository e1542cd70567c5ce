"""Embeddings by OpenAI, or by any server that speaks its protocol."""

from __future__ import annotations

import base64
import binascii
import logging
from functools import cached_property
from typing import Any

import numpy as np

from components.api.openai import OpenAI, total_tokens
from components.api.requests import Requests
from components.api.tokens import estimate_tokens, truncate_by_estimate
from components.base import ParameterError, require
from components.embedders.api import ApiEmbedder

log = logging.getLogger(__name__)


class OpenAIEmbedder(ApiEmbedder):
    """Vectors from `/v1/embeddings`.

    The key is read from the environment variable OPENAI_API_KEY and held nowhere else.

    Parameters
    ----------
    model : str
    dimensions : int, optional
        Shorter vectors, where the model can.
    base_url : str, optional
        Of an OpenAI-compatible server, such as `http://localhost:8000/v1`. Else what
        OPENAI_BASE_URL holds, else OpenAI's own. Other servers than OpenAI's need no key.
    tokenizer : str, optional
        A tiktoken encoding, such as `cl100k_base`: tokens are counted exactly (tiktoken downloads
        its vocabulary the first time). None: that of the model where tiktoken is installed, knows
        the model and the server is OpenAI's; else tokens are estimated, rather too many than too
        few, and a text near `max_input_tokens` may be truncated earlier than need be.
    batch_size, max_input_tokens, max_request_tokens : int
        At most so many texts per request, tokens per text, tokens per request. The defaults are
        OpenAI's limits.
    concurrency : int
        Requests under way at once.
    timeout : float
        Seconds that one request may take in all.
    max_retries : int
        How often a request is sent again after a 429, a 5xx, a time-out or a dropped connection.
    retry_delay : float
        Seconds before the first of these, doubled each time up to a minute, with up to half as
        much again at random. `Retry-After`, where the server sends it, is the least.
    max_tokens : int, optional
        Budget of this object in tokens: no request is sent that might use more.
    price : float, optional
        Of a million tokens, in any currency: `metrics_` then holds `embed_cost`.
    """

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
        price: float | None = None,
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
        self.price = price
        self._provider: OpenAI = OpenAI(model=model, base_url=base_url)
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
        """The server, the model, and what cuts a text."""
        return {
            "class": "OpenAIEmbedder",
            "server": self._provider.server,
            "model": self.model,
            "dimensions": self.dimensions,
            "tokenizer": self.tokenizer,
            "max_input_tokens": self.max_input_tokens,
        }

    def _send(self, texts: list[str]) -> tuple[list[Any], int | None]:
        options: dict[str, Any] = {} if self.dimensions is None else {"dimensions": self.dimensions}
        raw = self._client.embeddings.with_raw_response.create(
            model=self.model, input=texts, encoding_format="base64", **options
        )
        body, n = self._provider.read(raw), len(texts)
        entries = body.get("data")
        entries = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
        by_index = {e["index"]: e for e in entries if type(e.get("index")) is int}
        if not by_index or len(by_index) != len(entries) or by_index.keys() - set(range(n)):
            raise self._provider.malformed(
                f"answered {n} texts with {len(entries)} vectors, or without numbering them"
            )
        if len(by_index) < n and by_index.keys() == set(range(len(by_index))):
            # A text that the server left out may have shifted the numbers of all after it.
            raise self._provider.malformed(
                f"answered {n} texts with {len(entries)} vectors, which cannot be told apart"
            )
        vectors = [_decoded(by_index.get(i, {}).get("embedding")) for i in range(n)]
        return vectors, total_tokens(body)

    def _fit(self, text: str) -> tuple[str, int, bool]:
        most, vocabulary = self.max_input_tokens, self._vocabulary
        if vocabulary is None:
            tokens = estimate_tokens(text)
            if tokens <= most:
                return text, tokens, False
            return truncate_by_estimate(text, most), most, True
        ids = vocabulary.encode_ordinary(text)
        if len(ids) <= most:
            return text, len(ids), False
        return vocabulary.decode(ids[:most], errors="ignore"), most, True

    @cached_property
    def _vocabulary(self) -> Any:
        """A tiktoken encoding; None where tokens are to be estimated."""
        if self.tokenizer is None and not self._provider.is_default:
            return None  # another server's models have vocabularies of their own
        try:
            import tiktoken

            name = self.tokenizer or tiktoken.encoding_name_for_model(self.model)
            return tiktoken.get_encoding(name)
        except Exception as error:  # not installed, an unknown name, or whatever a download raises
            reason = str(error).partition("\n")[0]
            if self.tokenizer is None:
                log.info("OpenAI: tokens are estimated, since tiktoken cannot count: %s", reason)
                return None
            raise ParameterError(
                "tokenizer",
                self.tokenizer,
                f"could not be loaded ({reason}). It must be one of "
                f"{', '.join(tiktoken.list_encoding_names())}, whose file tiktoken downloads the "
                "first time; null needs no file.",
            ) from error


def _decoded(value: Any) -> Any:
    """A vector that came as base64 of float32 as an array; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return np.frombuffer(base64.b64decode(value, validate=True), "<f4")
    except (ValueError, binascii.Error):
        return None
