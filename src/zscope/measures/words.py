"""Counts in words, for whoever says what was found."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """Give a count with its noun.

    Parameters
    ----------
    count : int
        How many.
    one, many : str
        The noun for one, and for more; by default with an s.

    Returns
    -------
    str
        With thousands separated.

    Examples
    --------
    >>> counted(1, "code"), counted(60000, "code"), counted(2, "axis", "axes")
    ('1 code', '60,000 codes', '2 axes')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
