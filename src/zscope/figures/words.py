"""Numbers and lists in words, for captions, titles and tables."""

import math
from collections.abc import Sequence

from zscope.measures.words import counted

__all__ = ["counted", "listed", "number", "percent", "power_of_ten", "sizes_differ"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """Give a number as people read it.

    Parameters
    ----------
    value : float or None
        Any number; None, NaN and infinity become a dash.
    digits : int
        Significant digits of what is not a whole number.

    Returns
    -------
    str
        With thousands separated, a true minus sign, and powers of ten below a thousandth and from 10⁹.

    Examples
    --------
    >>> number(60000), number(16.2839), number(-0.5), number(1234.5), number(None)
    ('60,000', '16.3', '−0.5', '1,234', '–')
    >>> number(2.5e-6), number(3e9)
    ('2.5·10⁻⁶', '3·10⁹')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if value != 0 and not 1e-3 <= abs(value) < 1e9:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}·10{str(int(power)).translate(_SUPERSCRIPTS)}".replace("-", "−")
    text = f"{value:.{digits}g}"
    return (f"{value:,.0f}" if "e" in text or abs(value) >= 1000 else text).replace("-", "−")


def power_of_ten(exponent: int) -> str:
    """Give a power of ten as a label of a logarithmic axis.

    Examples
    --------
    >>> power_of_ten(-2), power_of_ten(0), power_of_ten(4)
    ('0.01', '1', '10⁴')
    """
    if -2 <= exponent <= 3:
        return f"{10.0**exponent:g}"
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def percent(share: float | None) -> str:
    """Give a share in percent, never rounded to a 0 or 100 that it is not.

    Examples
    --------
    >>> percent(0.1234), percent(0.9996), percent(0.0001), percent(1.0)
    ('12 %', '99.96 %', '0.01 %', '100 %')
    """
    if share is None or not math.isfinite(share):
        return "–"
    hundred = 100 * share
    for places in range(3):
        text = f"{hundred:.{places}f}"
        if (hundred in (0, 100)) or 0.1 <= float(text) <= 99.9 or (places and 0 < float(text) < 100):
            return f"{text} %"
    return "under 0.01 %" if hundred < 50 else "over 99.99 %"


def sizes_differ(sizes: Sequence[int], what_it_does: str) -> str:
    """Warn where curves are of different numbers of codes; empty where they are of the same.

    Examples
    --------
    >>> sizes_differ([300, 100], "lower the inertia at the same k")
    ' The curves are of 300 and 100 codes, and fewer codes alone lower the inertia at the same k.'
    """
    distinct = [f"{size:,}" for size in dict.fromkeys(sizes)]
    if len(distinct) < 2:
        return ""
    numbers = f"{'; '.join(distinct[:-1])} and {distinct[-1]}"
    return f" The curves are of {numbers} codes, and fewer codes alone {what_it_does}."


def listed(words: Sequence[str], most: int = 12) -> str:
    """Join words as a sentence lists them; by semicolons where one has a comma of its own.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed(["a", "b", "c", "d"], most=2)
    ('a', 'a and b', 'a, b and c', 'a, b and 2 more')
    >>> listed(["AE", "VAE, beta 1"])
    'AE; VAE, beta 1'
    """
    shown = list(words[:most])
    if len(words) > most:
        shown.append(f"{len(words) - most} more")
    if len(shown) < 2:
        return "".join(shown)
    if any("," in word for word in shown):
        return "; ".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
