"""A leaderboard as a page of its own: HTML that needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from components.reports.meanings import MEANINGS
from components.reports.style import read_style
from runner.leaderboard.comparison import Comparison
from runner.leaderboard.figures import breakable, heatmap, open_wide, pareto
from runner.leaderboard.flow import flow
from runner.leaderboard.ranking import FIRST, Ranking, Row, best, less_is_better
from runner.leaderboard.recommendation import Recommendation
from runner.leaderboard.topic_tables import topics_side_by_side
from runner.terminal.secrets import mask

_HOLLOW = (
    " Hollow: the vectors came from the cache, so the time is not the embedder's, and the run is "
    "not on the line."
)
_STYLE = """
:root { --ink: #1d2330; --soft: #5a6275; --line: #e3e6ec; --good: #0b6e3b; --bad: #93250e;
  --ground: #fff; --raised: #f2f5fa; --advice: #eef6f1; --dot: #818a9e; --link: #1a56b0;
  --light: 44% }
@media screen and (prefers-color-scheme: dark) {
  :root { color-scheme: dark; --ink: #e6e9ef; --soft: #a3acbd; --line: #343b49; --good: #5fd39a;
    --bad: #ff9d85; --ground: #14171d; --raised: #1e232c; --advice: #18281f; --dot: #7d879b;
    --link: #82b1ff;
    --light: 64% } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1.25rem;
  max-width: 80rem; color: var(--ink); background: var(--ground) }
h1 { font-size: 1.4rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem }
a { color: var(--link) }
h3 { font-size: 1rem; margin: 1.4rem 0 .25rem } p { color: var(--soft); margin: 0 0 .8rem }
.advice { background: var(--advice); border-left: 4px solid var(--good); padding: .7rem 1rem;
  max-width: 60rem; margin: 0 0 1rem } .advice p { color: var(--ink); margin: 0 }
.advice p.pick { font-size: 1.15rem; font-weight: 600 } .advice ul { margin: .4rem 0 0 }
.advice li { color: var(--ink); white-space: normal }
.wide tbody th, .wide thead tr > :first-child { position: sticky; left: 0;
  background: var(--ground) }
table { border-collapse: collapse; font-size: .96em }
th, td { padding: .35rem .5rem; text-align: right; vertical-align: bottom }
thead th { border-bottom: 2px solid var(--ink) } tbody th { font-weight: 600 }
tbody th, td { border-bottom: 1px solid var(--line) } .sortable .name { min-width: 9rem }
td { white-space: nowrap; font-variant-numeric: tabular-nums }
.name { text-align: left } td.long { white-space: normal; min-width: 16rem }
tbody tr:hover > * { background: var(--raised) }
th button { all: unset; cursor: pointer; white-space: pre-line }
th button:focus-visible, summary:focus-visible { outline: 2px solid var(--good) }
th.up button::after { content: " ▴" } th.down button::after { content: " ▾" }
td.best { font-weight: 700; color: var(--good) } .sort { background: var(--raised) }
small { color: var(--soft); font-weight: 400 }
ul { padding-left: 1.2rem } li { margin: .3rem 0; color: var(--bad); white-space: pre-wrap }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; font-size: .96em }
dt { font-weight: 600 } dd { margin: 0; color: var(--soft) } summary { cursor: pointer }
svg { max-width: 45rem; width: 100%; height: auto } svg text { font-size: 12px; fill: var(--soft) }
svg text.name { fill: var(--ink); paint-order: stroke; stroke: var(--ground); stroke-width: 4px }
.axis { stroke: var(--ink) } .grid { stroke: var(--line) }
.front { fill: none; stroke: var(--good); stroke-width: 1.5; stroke-dasharray: 5 4 }
circle.best { fill: var(--good) } circle.other { fill: var(--dot) }
circle.cached { fill: var(--ground); stroke: var(--dot); stroke-width: 2 }
.heatmap td { text-align: center; min-width: 3rem;
  background: color-mix(in srgb, var(--hue, transparent) calc(var(--share, 0) * 70%), transparent) }
.heatmap .topic { --hue: rgb(11, 110, 59) } .heatmap .neighbour { --hue: rgb(30, 105, 180) }
.heatmap thead th { border: 0; writing-mode: vertical-rl; text-align: left;
  transform: rotate(180deg) }
.topics td, .topics th { vertical-align: top } .topics td.name { white-space: normal }
.topics td.words { min-width: 14rem }
svg.sankey { max-width: none }
td.none { color: var(--soft); text-align: center }
@media (max-width: 640px) { body { margin: 1rem auto }
  .sortable .name, .heatmap tbody th { min-width: 6rem }
  svg { min-width: 34rem } dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 10.5px }
  th, td { padding: .2rem .3rem; print-color-adjust: exact }
  .sortable .name { min-width: 0 } .advice { print-color-adjust: exact }
  h2, h3 { break-after: avoid } tr, svg { break-inside: avoid } .every { display: none } }
"""
_SCRIPT = """
document.querySelectorAll("table.sortable").forEach(table => {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const value = row => row.cells[column].dataset.value ?? row.cells[column].innerText;
    const first = head.dataset.first, other = first === "up" ? "down" : "up";
    const way = head.classList.contains(first) ? other : first;
    heads.forEach(each => { each.classList.remove("up", "down"); each.ariaSort = null; });
    head.classList.add(way);
    head.ariaSort = way === "up" ? "ascending" : "descending";
    const sign = way === "up" ? 1 : -1, none = text => text === "";
    [...body.rows].sort((a, b) => {
      const x = value(a), y = value(b);
      if (none(x) || none(y)) return none(x) - none(y);
      return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
    }).forEach(row => body.append(row));
  }));
});
"""


def page(
    ranking: Ranking,
    title: str,
    comparison: Comparison | None = None,
    advice: Recommendation | None = None,
    folder: Path | None = None,
) -> str:
    """The whole page. A click on a column sorts by it, the best first.

    folder : where it will be; the pages of runs whose folders are there too are linked to
    """
    place = ranking.folder
    linked = folder is not None and place is not None and place.resolve() == folder.resolve()
    reading = _how_to_read(ranking)
    link = ' <a href="#measures">How to read the measures</a>' if reading else ""
    shown = [name for name in ranking.metrics if name in FIRST or name == ranking.sort]
    question = "Which embedder suits these documents?"
    parts = [
        f"<h1>{escape(question if advice else title)}</h1>",
        f"<p>{escape(' · '.join(filter(None, [_documents(ranking), title])))}</p>"
        if advice
        else "",
        _advice(advice) if advice else "",
        f"<p>{escape(ranking.summary)} {escape(ranking.note)} A click on a column sorts by it."
        f"{link}</p>",
        _table(ranking, shown, linked=linked),
    ]
    if figure := pareto(ranking):
        parts += [
            "<h2>Quality and time</h2>",
            "<p>Better runs are higher, faster ones further left. Nothing beats those on the "
            "dashed line in both."
            + (_HOLLOW if any(row.from_cache for row in ranking.rows) else "")
            + f"</p>{figure}",
        ]
    if comparison is not None and "embedder" in ranking.settings:
        parts += _compared(comparison, ranking.rows)
    parts.append(reading)
    if len(shown) < len(ranking.metrics):
        every = _table(ranking, ranking.metrics, linked=linked)
        parts.append(
            '<section class="every"><h2>Every measure</h2>'
            f"<details><summary>Show</summary>{every}</details></section>"
        )
    if ranking.failed:
        failures = "\n".join(
            f"<li>{escape(run.label)}: {escape(reason)}</li>" for run, reason in ranking.failures
        )
        parts.append(f"<h2>Failed</h2><ul>{failures}</ul>")
    body = "\n".join(part for part in parts if part)
    return mask(f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(f"{question} {title}" if advice else title)}</title>
<style>{_STYLE}{read_style("wide")}{read_style("sankey")}</style></head>
<body><main>
{body}
</main>
<script>{_SCRIPT}</script></body></html>
""")


def _compared(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """Where embedders agree: the heat map, and topics side by side."""
    parts = []
    if map_ := heatmap(comparison, rows):
        above = ""
        if comparison.overlap is not None:
            above = (
                ", and above it, blue, the share of nearest neighbours in common, less what "
                "chance would give"
            )
        parts += [
            "<h2>How far the embedders agree</h2>",
            "<p>Below the diagonal, green, the agreement of topics (AMI: 0 by chance, 1 where "
            f"they are the same){above}. Embedders that are alike stand together.</p>{map_}",
        ]
    if sides := topics_side_by_side(comparison, rows):
        parts += ["<h2>Topics side by side</h2>", flow(comparison, rows), sides]
    return parts


def _documents(ranking: Ranking) -> str:
    """`5,000 documents of reviews.csv`, where all runs are on the same; else empty."""
    runs = [run for row in ranking.rows for run in row.runs]
    corpora = {
        (
            str(run.params.get("dataset.path") or run.params.get("dataset")),
            run.metrics.get("n_documents"),
        )
        for run in runs
    }
    if len({run.tags.get("corpus_hash") for run in runs}) != 1 or len(corpora) != 1:
        return ""
    ((name, count),) = corpora
    return "" if count is None else f"{count:,.0f} documents of {Path(name).name}"


def _advice(advice: Recommendation) -> str:
    """The recommended embedder, and a line for each statement."""
    pick = f'<p class="pick">Recommended: {escape(advice.embedder)}</p>' if advice.embedder else ""
    if not advice.points:
        return f'<div class="advice">{pick}<p>{escape(advice.sentence)}</p></div>'
    lines = "".join(f"<li>{escape(point)}</li>" for point in advice.points)
    after = f"<p>Its topics: <code>{escape(advice.next)}</code></p>" if advice.next else ""
    return f'<div class="advice">{pick}<ul>{lines}</ul>{after}</div>'


def _table(ranking: Ranking, metrics: list[str], *, linked: bool) -> str:
    names = "".join(
        f'<th scope="col" class="name" data-first="up"><button>{escape(name)}</button></th>'
        for name in ranking.settings
    )
    counts = any(len(row.runs) > 1 for row in ranking.rows)
    if counts:
        names += '<th scope="col" data-first="down"><button>runs</button></th>'
    folder = ranking.folder
    if folder:
        names += '<th scope="col" data-first="up"><button>folder</button></th>'
    names += "".join(_head(ranking, name) for name in metrics)
    bests = {name: best(ranking, name) for name in metrics}
    rows = "\n".join(
        _row(ranking, row, bests, folder, counts=counts, linked=linked) for row in ranking.rows
    )
    return (
        f'{open_wide("Runs, best first")}<table class="sortable">'
        f"<thead><tr>{names}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _head(ranking: Ranking, name: str) -> str:
    first = "up" if less_is_better(ranking, name) else "down"
    marks = ""
    if name == ranking.sort:
        order = "ascending" if first == "up" else "descending"
        marks = f' class="sort {first}" aria-sort="{order}"'
    tooltip = f' title="{escape(MEANINGS[name])}"' if name in MEANINGS else ""
    words = escape(name.replace("_", "\n"))
    return f'<th scope="col"{marks} data-first="{first}"{tooltip}><button>{words}</button></th>'


def _row(
    ranking: Ranking,
    row: Row,
    bests: dict[str, float | None],
    folder: Path | None,
    *,
    counts: bool,
    linked: bool,
) -> str:
    first, *others = map(breakable, row.settings.values())
    cells = f'<th scope="row" class="name">{first}</th>'
    cells += "".join(f'<td class="name">{value}</td>' for value in others)
    cells += f"<td>{len(row.runs)}</td>" if counts else ""
    if folder:
        cells += f"<td>{' '.join(_folder(folder / name, linked) for name in row.folders)}</td>"
    for name in bests:
        cell = row.metrics.get(name)
        marks = ["sort"] if name == ranking.sort else []
        if cell is None:
            cells += f'<td class="{" ".join(marks)}" data-value=""></td>'
            continue
        if cell.mean == bests[name]:
            marks.append("best")
        spread = "" if cell.spread is None else f" <small>± {cell.spread_text}</small>"
        ends = [row.metrics[end].mean_text for end in (f"{name}_low", f"{name}_high")
                if end in row.metrics]  # fmt: skip
        spread += f" <small>({' to '.join(ends)})</small>" if len(ends) == 2 else ""
        cells += (
            f'<td class="{" ".join(marks)}" data-value="{cell.mean}">{cell.mean_text}{spread}</td>'
        )
    return f"<tr>{cells}</tr>"


def _folder(folder: Path, linked: bool) -> str:
    """The name of a run's folder, which leads to the run's page where it has one."""
    name = escape(folder.name)
    if linked and (folder / "report.html").is_file():
        return f'<a href="{quote(folder.name)}/report.html">{name}</a>'
    return name


def _how_to_read(ranking: Ranking) -> str:
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(MEANINGS[name])}</dd>"
        for name in ranking.metrics
        if name in MEANINGS
    )
    return f'<h2 id="measures">How to read the measures</h2><dl>{lines}</dl>' if lines else ""
