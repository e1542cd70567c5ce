"""A leaderboard as a page of its own: HTML that needs no network."""

from __future__ import annotations

from html import escape

from runner.leaderboard.ranking import Ranking, Row, best, less_is_better
from runner.secrets import mask

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1d2330; background: #fff }
h1 { font-size: 1.25rem; margin: 0 0 .25rem } h2 { font-size: 1rem; margin: 1.5rem 0 .25rem }
p { color: #5a6275; margin: 0 0 1rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
th, td { padding: .35rem .6rem; text-align: right; vertical-align: bottom }
th { cursor: pointer; border-bottom: 2px solid #1d2330; user-select: none }
td { border-bottom: 1px solid #e3e6ec; white-space: nowrap; font-variant-numeric: tabular-nums }
th.name, td.name { text-align: left } tr:hover td { background: #f5f7fa }
td.best { font-weight: 700; color: #0b6e3b } .sort { background: #f0f4fa }
th.up::after { content: " ▴" } th.down::after { content: " ▾" }
small { color: #5a6275; font-weight: 400 }
ul { padding-left: 1.2rem } li { margin: .3rem 0; color: #93250e; white-space: pre-wrap }
"""
_SCRIPT = """
const heads = [...document.querySelectorAll("th")], body = document.querySelector("tbody");
heads.forEach((head, column) => head.addEventListener("click", () => {
  const value = row => row.cells[column].dataset.value ?? row.cells[column].innerText;
  const first = head.dataset.first, other = first === "up" ? "down" : "up";
  const way = head.classList.contains(first) ? other : first;
  heads.forEach(each => each.classList.remove("up", "down"));
  head.classList.add(way);
  const sign = way === "up" ? 1 : -1, none = text => text === "";
  [...body.rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (none(x) || none(y)) return none(x) - none(y);
    return sign * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
  }).forEach(row => body.append(row));
}));
"""


def page(ranking: Ranking, title: str) -> str:
    """The whole page. A click on a column sorts by it, the best first."""
    names = "".join(
        f'<th class="name" data-first="up">{escape(name)}</th>' for name in ranking.settings
    )
    names += '<th data-first="down">runs</th>'
    names += "".join(_head(ranking, name) for name in ranking.metrics)
    bests = {name: best(ranking, name) for name in ranking.metrics}
    rows = "\n".join(_row(ranking, row, bests) for row in ranking.rows)
    failures = "\n".join(
        f"<li>{escape(run.label)}: {escape(run.failure or run.status)}</li>"
        for run in ranking.failed
    )
    failed = f"<h2>Failed</h2><ul>{failures}</ul>" if failures else ""
    return mask(f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>
<style>{_STYLE}</style>
<h1>{escape(title)}</h1>
<p>{escape(ranking.summary)} {escape(ranking.note)} A click on a column sorts by it.</p>
<div class="wide"><table><thead><tr>{names}</tr></thead><tbody>
{rows}
</tbody></table></div>
{failed}
<script>{_SCRIPT}</script></html>
""")


def _head(ranking: Ranking, name: str) -> str:
    first = "up" if less_is_better(ranking, name) else "down"
    marks = f' class="sort {first}"' if name == ranking.sort else ""
    return f'<th{marks} data-first="{first}">{escape(name.replace("_", " "))}</th>'


def _row(ranking: Ranking, row: Row, bests: dict[str, float | None]) -> str:
    cells = "".join(f'<td class="name">{escape(value)}</td>' for value in row.settings.values())
    cells += f"<td>{len(row.runs)}</td>"
    for name in ranking.metrics:
        cell = row.metrics.get(name)
        marks = ["sort"] if name == ranking.sort else []
        if cell is None:
            cells += f'<td class="{" ".join(marks)}" data-value=""></td>'
            continue
        if cell.mean == bests[name]:
            marks.append("best")
        spread = "" if cell.spread is None else f" <small>± {cell.spread_text}</small>"
        cells += (
            f'<td class="{" ".join(marks)}" data-value="{cell.mean}">{cell.mean_text}{spread}</td>'
        )
    return f"<tr>{cells}</tr>"
