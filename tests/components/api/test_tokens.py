import pytest

from components.api.tokens import estimate_tokens, truncate_by_estimate

# Texts, and how many tokens tiktoken 0.14 counts in cl100k_base.
COUNTED = [
    ("The quick brown fox jumps over the lazy dog.", 10),
    ("Российская Федерация — государство в Восточной Европе.", 29),
    ("中华人民共和国是位于亚洲东部的国家，首都为北京。", 25),
    ("def f(x):\n    return x ** 2 + 17\n", 14),
    ("😀😃🤖🎉", 10),
]


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_an_estimate_is_rather_too_high(text, tokens):
    assert tokens <= estimate_tokens(text) <= 2 * tokens


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
@pytest.mark.parametrize("most", [1, 5, 9])
def test_a_cut_text_is_a_beginning_that_fits(text, tokens, most):
    cut = truncate_by_estimate(text, most)
    assert text.startswith(cut)
    assert cut
    assert len(cut) < len(text)
    assert estimate_tokens(cut) <= most or len(cut) <= most


def test_a_text_that_fits_is_left_alone():
    assert truncate_by_estimate("just a few words", 100) == "just a few words"


def test_a_single_word_without_end_is_cut_too():
    cut = truncate_by_estimate("a" * 100_000, 50)
    assert 100 <= len(cut) <= 200
    assert 1000 <= len(truncate_by_estimate("国" * 100_000, 4000)) <= 4000
