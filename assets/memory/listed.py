"""Lists of words, written as text: a table that reads by its rows."""


def listed(words: str) -> frozenset[str]:
    """The words of a text, parted by spaces."""
    return frozenset(words.split())
