"""BERTopic's hierarchical_topics on given topics and vectors; started by run.py.

    PEER/bin/python experiments/hierarchy/peer.py WORK

Reads peer.npz and peer.json of WORK, and writes merges.npz: the merges (t - 1, 2) with topics as
c-TF-IDF has them (its default), and with topics as the means of their vectors.
"""

import json
import sys
from pathlib import Path

import numpy as np
from bertopic import BERTopic
from bertopic.cluster import BaseCluster
from bertopic.dimensionality import BaseDimensionalityReduction
from sklearn.feature_extraction.text import CountVectorizer

work = Path(sys.argv[1])
given = np.load(work / "peer.npz")
documents = json.loads((work / "peer.json").read_text())


model = BERTopic(
    umap_model=BaseDimensionalityReduction(),
    hdbscan_model=BaseCluster(),
    vectorizer_model=CountVectorizer(stop_words="english"),
)
found, _ = model.fit_transform(documents, given["X"], y=given["topics"])
# BERTopic numbers topics anew: its number of each of the given ones.
own = dict(zip(found, given["topics"].tolist(), strict=True))
made = {}
for name, by_words in (("c-TF-IDF", True), ("vectors", False)):
    tree = model.hierarchical_topics(documents, use_ctfidf=by_words)
    tree = tree.assign(parent=tree.Parent_ID.astype(int)).sort_values("parent")
    pairs = tree[["Child_Left_ID", "Child_Right_ID"]].astype(int).to_numpy()
    made[name] = np.array([[own.get(int(node), int(node)) for node in pair] for pair in pairs])
np.savez(work / "merges.npz", **made)
