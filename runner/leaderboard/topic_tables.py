"""The topics of a leaderboard's runs, side by side: tables of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from components.reports.text import one_line
from runner.leaderboard.choice import Numbers
from runner.leaderboard.comparison import Comparison
from runner.leaderboard.figures import column_head, open_wide, places_of
from runner.leaderboard.ranking import Row

SAME = 0.5  # share of the documents of two topics that both hold, from which they count as one
N_TOPICS = 25  # rows of each table of topics
N_ALONE = 3  # rows of each run in the table of topics that it alone finds


def topics_side_by_side(comparison: Comparison, rows: Sequence[Row]) -> str:
    """The first run's topics beside those of the others, and the topics that one run alone has."""
    places = places_of(comparison, rows)
    if len(places) < 2 or not all(comparison.described[place] for place, _ in places):
        return ""
    return _beside(comparison, places) + _alone(comparison, places)


def _beside(comparison: Comparison, places: list[tuple[int, str]]) -> str:
    (first, name), *others = places
    shares = comparison.matches(first)
    described = comparison.described
    heads = "".join(column_head(other) for _, other in others)
    lines = []
    for topic in described[first][:N_TOPICS]:
        cells, count = "", 0
        for place, other in others:
            share, match = _best(shares[place], topic.number)
            if share >= SAME:
                count += 1
                label = escape(described[place][match].label)
                cells += f'<td class="name" title="{share:.0%} in common">{label}</td>'
            else:
                tooltip = f"{escape(other)}: at most {share:.0%} in common"
                cells += f'<td class="none" title="{tooltip}">–</td>'
        lines.append(
            f'<tr><th scope="row" class="name">{escape(topic.label)}</th>'
            f"<td>{topic.size:,}</td><td>{count} of {len(others)}</td>{cells}</tr>"
        )
    return (
        f"<h3>Topics of {escape(name)}, and where the others find them</h3>"
        f"<p>A topic counts as found where the two share at least {SAME:.0%} of their documents."
        f"{_cut(len(described[first]))}</p>"
        f'{open_wide(f"Topics of {name}")}<table class="topics"><thead><tr>'
        '<th scope="col" class="name">topic</th>'
        f'<th scope="col">documents</th><th scope="col">found by</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _alone(comparison: Comparison, places: list[tuple[int, str]]) -> str:
    """Topics that no other run has anything like, largest first."""
    unmatched = []
    n_alone = 0
    for place, name in places:
        shares = comparison.matches(place)
        of_run = 0
        for topic in comparison.described[place]:
            best = max(
                _best(shares[other], topic.number)[0] for other, _ in places if other != place
            )
            if best < SAME / 2:
                n_alone, of_run = n_alone + 1, of_run + 1
                if of_run <= N_ALONE:  # topics come by size
                    unmatched.append((topic.size, name, topic))
    if not unmatched:
        return "<h3>Topics that only one finds</h3><p>There are none.</p>"
    unmatched.sort(key=lambda item: -item[0])
    lines = [
        f'<tr><td class="name">{escape(name)}</td><td class="name words">{escape(topic.words)}</td>'
        f'<td>{size:,}</td><td class="name long">{escape(one_line(topic.example, 160))}</td></tr>'
        for size, name, topic in unmatched[:N_TOPICS]
    ]
    return (
        "<h3>Topics that only one finds</h3>"
        f"<p>No other shares {SAME / 2:.0%} of their documents."
        + (
            f" The {N_ALONE} largest of each run are shown, of {n_alone}."
            * (n_alone > len(unmatched))
        )
        + "</p>"
        f'{open_wide("Topics that only one finds")}<table class="topics"><thead><tr>'
        '<th scope="col" class="name">found by</th>'
        '<th scope="col" class="name">words</th><th scope="col">documents</th>'
        '<th scope="col" class="name">typical document</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _best(shares: Numbers, topic: int) -> tuple[float, int]:
    """The greatest share of a topic with any of another run, and that one's number."""
    if topic >= shares.shape[0] or not shares.shape[1]:
        return 0.0, 0
    match = int(shares[topic].argmax())
    return float(shares[topic, match]), match


def _cut(n: int) -> str:
    return f" The {N_TOPICS} largest of {n} are shown." if n > N_TOPICS else ""
