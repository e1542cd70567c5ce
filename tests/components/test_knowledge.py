"""What a user may say of the topics, and what makes no sense."""

import pytest

from components.base import ParameterError
from components.knowledge import Knowledge


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seeds": {"a": ["x"], "b": ["X "]}}, r"^seeds.b=X : is a seed of 'a' too"),
        ({"seeds": {"A": ["x"], " a": ["y"]}}, "are one name"),
        ({"seeds": {"a": "x"}}, "must be a list of words"),
        ({"seeds": {"a": []}}, "must be a list of words"),
        ({"seeds": {"a": [1.5]}}, "a word, a phrase or a row"),
        ({"names": ["Sport", "sport"]}, "'Sport' and 'sport' are one name"),
        ({"names": ["sport", " "]}, "a name is empty"),
        ({"threshold": 2}, "^threshold=2"),
        ({"threshold": "high"}, "^threshold=high"),
        ({"threshold": float("nan")}, "^threshold=nan"),
        ({"threshold": None}, "^threshold=null"),
        ({"weight": 0}, "^weight=0"),
        ({"weight": float("inf")}, "^weight=inf"),
        ({"seeds": ["a"]}, "must name topics"),
        ({"names": "sport"}, "must be a list"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ParameterError, match=message):
        Knowledge(**settings)
