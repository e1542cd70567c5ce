"""`report.html`: a run as one page, to look around in and to pass on.

The page needs no network: style, script and data are part of it, and its content security policy
allows nothing else. Every text is escaped by the template, or stands in a block of JSON that the
script shows as text: no document can become markup or script.

To add a section, write a function that returns a `Section`, call it in `_sections`, and add the
template of its name.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from components.base import Bounds, Result, at_least
from components.reports import sections, shape_sections
from components.reports.bins import Unit
from components.reports.font_faces import font_faces
from components.reports.over_time import check_smooth
from components.reports.sections import Section
from components.reports.style import read_style
from components.reports.text import one_line, safe_json

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("page.js", "map.js", "similarity.js")
N_SIMILARITY = 100  # topics of the heatmap, the largest


def write_report(
    result: Result,
    folder: Path,
    *,
    max_megabytes: Annotated[float, Bounds(1)] = 10.0,
    n_documents: Annotated[int, Bounds(1)] = 5,
    bins: Literal["auto"] | Unit | Annotated[int, Bounds(2, 2000)] = "auto",
    smooth: Annotated[int, Bounds(3, odd=True)] | None = None,
    max_classes: Annotated[int, Bounds(2)] = 100,
    run_folder: Path | None = None,
) -> list[Path]:
    """Write `report.html`.

    Parameters
    ----------
    max_megabytes : float
        Size of the page, in 10^6 bytes, at least 1. Where the documents would take more, their
        texts on the map are cut, and then points are sampled; the page says so.
    n_documents : int
        Typical documents of each topic.
    bins : str or int
        Of time, see `components.reports.bins.in_bins`.
    smooth : int, optional
        Bins over which shares are averaged, see `components.reports.over_time.OverTime`.
    max_classes : int
        See `components.reports.classes.topics_by_class`.
    run_folder : Path, optional
        Where `run.json` and `environment.json` tell of the run; by default, and in a run, `folder`.

    Raises
    ------
    ParameterError
        When `max_megabytes` is too small, or bins or `smooth` are not what they may be.
    """
    at_least(1, max_megabytes=max_megabytes)  # `runner report` takes it too
    run_folder = run_folder or folder
    record, environment = _read(run_folder / "run.json"), _read(run_folder / "environment.json")
    check_smooth(smooth)
    shape = [
        shape_sections.over_time(result, bins, smooth),
        shape_sections.by_class(result, max_classes),
        shape_sections.layers(result),
        shape_sections.tree(result),
    ]
    others = list(_sections(result, shape, record, environment, n_documents))
    about = _about(result, record)
    fonts = font_faces(result)
    room = int(max_megabytes * 1e6) - len(_render(others, about, fonts).encode())
    first, *rest = others
    page = _render([first, sections.map_(result, max(room, 0)), *rest], about, fonts)
    path = folder / "report.html"
    path.write_text(page, encoding="utf-8")
    return [path]


def _sections(
    result: Result,
    shape: Sequence[Section | None],
    record: dict[str, Any],
    environment: dict[str, Any],
    n_documents: int,
) -> Iterator[Section]:
    """The sections that apply, in their order; the map comes after the first."""
    from components.reports.similarity import similarity

    similarities = similarity(result, N_SIMILARITY)
    yield sections.topics(result, similarities, n_documents)
    for section in (
        *shape,
        sections.similarity(result, similarities),
        sections.granularity(result),
        sections.measures(result),
        sections.run(record, environment),
    ):
        if section:
            yield section


def _about(result: Result, record: dict[str, Any]) -> dict[str, Any]:
    """What heads the page."""
    params = record.get("params") or {}
    dataset = params.get("dataset")
    if dataset == "python":  # documents of a program, or of the run that was edited or updated
        dataset = None
    source = Path(str(params.get("dataset.path") or "")).name or dataset
    started = record.get("start_time")
    return {
        "source": source,
        "date": f"{datetime.fromtimestamp(started / 1000, UTC):%Y-%m-%d}" if started else None,
        "parts": {
            role: params[role]
            for role in ("embedder", "reducer", "clusterer")
            if params.get(role) not in (None, "none")
        },
        "n_documents": len(result.corpus.whole or result.corpus),
        "n_pieces": sections.n_pieces(result),
        "n_empty": len(result.corpus) - len(result.rows),
        "n_topics": len(result.topics),
        "from_tables": bool(result.topics) and result.embeddings.shape[1] == 0,
        "has_similarity": "topic_vectors" in result.parts,
        "outside": float((result.labels[result.rows] < 0).mean()) if len(result.rows) else 0.0,
    }


def _render(shown: Sequence[Section], about: dict[str, Any], fonts: str) -> str:
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return render(
        "report.html.j2",
        sections=shown,
        about=about,
        fonts=fonts,
        script=script,
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
    )


def render(template: str, **values: Any) -> str:
    """A page from a template, with the style that all pages share; every text is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = safe_json
    environment.filters["line"] = lambda text: one_line(text, 160)
    style = read_style("page") + read_style("wide") + read_style("sankey")
    return environment.get_template(template).render(style=style, **values)


def _read(path: Path) -> dict[str, Any]:
    """A JSON object of the run's folder; empty where there is none."""
    if not path.is_file():
        return {}
    loaded = json.loads(path.read_text(encoding="utf-8"))
    return loaded if isinstance(loaded, dict) else {}
