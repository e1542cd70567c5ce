"""`memberships.parquet`: how far each document belongs to each topic."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from components.arrow import numbers
from components.base import Bounds, Result
from components.pieces import of_documents

log = logging.getLogger(__name__)


def write_memberships(
    result: Result, folder: Path, *, top: Annotated[int, Bounds(0)] | None = None
) -> list[Path]:
    """`memberships.parquet`: row (in the source), topic, weight in (0, 1], heaviest first.

    What a weight is depends on the clusterer, see its `memberships_`; where documents were split,
    it is the share of a document's text that lies in the topic. Weights of a document sum to 1 at
    most: what is missing lies in no topic.

    Parameters
    ----------
    top : int, optional
        Topics of each document, at most; 0 writes no file. None: no file, but for documents that
        were split, all of their topics.
    """
    is_split = result.corpus.whole is not None
    if top == 0 or (top is None and not is_split):
        return []
    whole = of_documents(result)
    if whole.memberships is None:
        log.warning(
            "reports.memberships: the clusterer gives no memberships. Type "
            "clusterer.memberships=true with hdbscan or kmeans, or clusterer=leiden."
        )
        return []
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, topics, weights = heaviest(whole.memberships, top)
    source = whole.corpus.rows
    columns = {
        "row": numbers(rows if source is None else source[rows]),
        "topic": numbers(topics),
        "weight": numbers(weights.astype(np.float32)),
    }
    path = folder / "memberships.parquet"
    pq.write_table(pa.table(columns), path)
    return [path]


def heaviest(memberships: Any, top: int | None) -> tuple[Any, Any, Any]:
    """Rows, topics and weights of the `top` heaviest entries of each row of a CSR matrix.

    Rows ascend, weights fall within a row; of equals, the lower topic comes first.
    """
    shares = memberships.tocsr()
    rows = np.repeat(np.arange(shares.shape[0]), np.diff(shares.indptr))
    order = np.lexsort((shares.indices, -shares.data, rows))
    order = order[shares.data[order] > 0]
    rows = rows[order]
    if top is not None:
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order, rows = order[place < top], rows[place < top]
    return rows, shares.indices[order].astype(np.int64), shares.data[order]
