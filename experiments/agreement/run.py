"""The adjusted mutual information of `components.agreement` beside scikit-learn's.

    python experiments/agreement/run.py

CPU seconds (user and system) of the import, once numpy and scipy.sparse are there, and of one
comparison of two partitions of n documents in k groups, of which half of the documents agree. Each
implementation runs in a fresh process; the median of three.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

SIZES = ((300, 15), (20_000, 50), (20_000, 500), (500_000, 500))
IMPORTS = {
    "ours": "from components.agreement import adjusted_mutual_information as ami",
    "scikit-learn": "from sklearn.metrics import adjusted_mutual_info_score as ami",
}
CODE = """
import json, resource, sys
import numpy as np, scipy.sparse
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
start = cpu()
{load}
rows = [(cpu() - start, 0.0)]
rng = np.random.default_rng(0)
for n, k in {sizes}:
    a = rng.integers(k, size=n)
    b = np.where(rng.random(n) < 0.5, a, rng.integers(k, size=n))
    ami(a[:10], b[:10])
    start = cpu()
    value = ami(a, b)
    rows.append((cpu() - start, float(value)))
print(json.dumps(rows))
"""


def measured(load: str) -> list[tuple[float, float]]:
    """Median seconds, and the value, of the import and of each size."""
    code = CODE.format(load=load, sizes=SIZES)
    command = [sys.executable, "-c", code]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(3)]
    return [
        (statistics.median(seconds for seconds, _ in same), same[0][1])
        for same in zip(*runs, strict=True)
    ]


def main() -> None:
    """Print the table."""
    results = {name: measured(load) for name, load in IMPORTS.items()}
    lines = ["| | ours | scikit-learn | difference |", "|---|---:|---:|---:|"]
    names = ["import", *(f"{n:,} documents, {k} groups" for n, k in SIZES)]
    for name, (own, value), (theirs, other) in zip(names, *results.values(), strict=True):
        lines.append(f"| {name} | {own:.3f} | {theirs:.3f} | {abs(value - other):.1e} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
