"""What the README shows for notebooks, on the data set that comes with the wheel."""

from runner import run

result = run(None, "dataset.limit=100", "tracking=none")
assert result.topics, "no topics"
assert "<table" in result._repr_html_()
