"""Settings that tests share."""

# A run of a second: no model to load, nothing to compile or to draw, no store, no MLflow.
FAST = [
    "embedder=tfidf",
    "reducer=truncated_svd",
    "reducer.n_components=5",
    "clusterer=kmeans",
    "tracking=none",
    "cache.dir=null",
    "map=false",
    "reports=fast",
]
