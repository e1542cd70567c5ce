"""By which measure to rank runs that differ in anything but the embedder.

python experiments/which_measure_to_trust/settings.py DATA WORK    (DATA holds NAME.jsonl.gz)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

CORPORA = "bbc_news ag_news_test trec_questions banking77 20newsgroups stackoverflow_20k".split()
SWEEPS = {
    "parts": [
        "clusterer=leiden,kmeans,agglomerative,fast_hdbscan",
        "reducer=none,pca,truncated_svd",
    ],
    "granularity": ["clusterer.granularity=broad,medium,fine,auto"],
}
MEASURES = {
    "silhouette x coverage": lambda m: m.get("silhouette", 0) * (1 - m["outlier_ratio"]),
    "words_ami x coverage": lambda m: m.get("words_ami", 0) * (1 - m["outlier_ratio"]),
    "silhouette": lambda m: m.get("silhouette", 0),
    "words_ami": lambda m: m.get("words_ami", 0),
    "npmi": lambda m: m.get("npmi", -9),
    "topic_diversity": lambda m: m.get("topic_diversity", 0),
}


def main(data: Path, work: Path) -> None:
    for name in CORPORA:
        for kind, swept in SWEEPS.items():
            if not (work / kind / name).is_dir():
                subprocess.run(
                    [sys.executable, "-m", "runner", "-m", *swept, "embedder=minilm",
                     "dataset=jsonl", f"dataset.path={data / name}.jsonl.gz", "dataset.label=label",
                     "dataset.limit=700", "reports=fast", "tracking=none", "model=false",
                     "map=false", f"hydra.sweep.dir={work / kind / name}"], check=True,
                )  # fmt: skip
    for kinds in (["parts"], ["granularity"], [*SWEEPS]):
        runs = [[m for kind in kinds for m in metrics(work / kind / name)] for name in CORPORA]
        print(f"{' and '.join(kinds)}\n{report(runs)}\n")


def metrics(folder: Path) -> list[dict[str, float]]:
    """Of each run of a sweep that found a topic."""
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*/run.json"))]
    return [run["metrics"] for run in runs if run["metrics"].get("n_topics")]


def report(corpora: list[list[dict[str, float]]]) -> str:
    """The regret in AMI of each measure's pick, and Kendall's tau with AMI, over corpora."""
    ami = [np.array([run["ami"] for run in runs]) for runs in corpora]
    lines = [f"{'at random':24} regret {np.mean([a.max() - a.mean() for a in ami]):.3f}"]
    for name, measure in MEASURES.items():
        values = [np.array([measure(run) for run in runs]) for runs in corpora]
        regret = [a.max() - a[v.argmax()] for a, v in zip(ami, values, strict=True)]
        tau = np.mean([kendalltau(v, a)[0] for a, v in zip(ami, values, strict=True)])
        lines.append(
            f"{name:24} regret {np.mean(regret):.3f}, worst {max(regret):.3f}, tau {tau:.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
