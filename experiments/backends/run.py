"""Every embedder that has real weights, on the Lee documents, each in a process of its own.

    python experiments/backends/run.py                    # prints the table
    python experiments/backends/run.py minilm tfidf       # only these
    python experiments/backends/run.py "spacy_md embedder.model=FOLDER"

Nothing is cached, so the seconds are those of a first run: import, loading of weights, embedding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMBEDDERS = (
    "minilm hf_transformer flair_transformer flair_glove gensim_glove word_doc model2vec "
    "use_multilingual sklearn tfidf"
).split()


def measure(embedder: str) -> dict[str, float]:
    """Metrics of one run."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "runner", *f"embedder={embedder}".split(), "tracking=none",
             "cache.dir=null", "map=false", f"hydra.run.dir={folder}"],
            cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        metrics: dict[str, float] = json.loads((Path(folder) / "run.json").read_text())["metrics"]
        return metrics


def main(embedders: list[str]) -> None:
    """Print a Markdown table, a row an embedder."""
    print("| embedder | dimensions | seconds to embed | documents a second | topics | NPMI |")
    print("|---|---:|---:|---:|---:|---:|")
    for embedder in embedders:
        m = measure(embedder)
        speed = m["n_documents"] / m["embed_seconds"]
        name = embedder.split()[0]
        print(
            f"| `{name}` | {m['n_dimensions']:,.0f} | {m['embed_seconds']:.1f} | {speed:,.0f} "
            f"| {m['n_topics']:.0f} | {m['npmi']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:] or EMBEDDERS)
