"""How many texts a model computes at a time: a number, or one found by trial on a GPU."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

CPU_TEXTS = 32  # in a batch on a CPU, at most
START = 32  # texts in the first batch on a GPU
GAIN = 1.05  # as many tokens per second: else twice the texts are not worth their memory


@dataclass
class BatchSize:
    """How many texts a batch has: a fixed number, or one found by trial on the run's own batches.

    A trial doubles the number until that makes the batches less than 5 % faster, or the memory
    ends. Where it ends, fixed or not, the number is halved.

    fixed : the most texts; None: `CPU_TEXTS` on a CPU, a trial elsewhere
    """

    fixed: int | None
    _trial: int = START
    _fastest: float = 0.0
    _settled: bool = False
    _limit: int | None = field(default=None)  # where the memory ended

    def texts(self, device: str) -> int:
        size = self.fixed or (CPU_TEXTS if device == "cpu" else self._trial)
        return min(size, self._limit or size)

    def tries(self, device: str) -> bool:
        """Whether the next batch is part of a trial, and worth timing."""
        return self.fixed is None and device != "cpu" and not self._settled

    def timed(self, texts: int, tokens: int, seconds: float) -> None:
        """Learn from a batch of the trial."""
        if texts < self._trial:  # the rest of a block
            return
        speed = tokens / seconds
        self._settled = speed < GAIN * self._fastest
        self._trial = self._trial // 2 if self._settled else self._trial * 2
        self._fastest = max(speed, self._fastest)
        if self._settled:
            log.info("batch_size: %d texts, found by trial", self._trial)

    def too_many(self, texts: int) -> None:
        """The memory was too small for so many."""
        self._limit = max(1, min(texts // 2, self._limit or texts))
        self._settled = True
        log.info("out of memory with %d texts at a time: %d from now on", texts, self._limit)
