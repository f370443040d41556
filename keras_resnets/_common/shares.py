"""Shares of images: how certain one is, and whether two differ. scipy is imported where it is needed."""


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion, of 95 %.

    Example:
        >>> low, high = wilson(90, 100)
        >>> f"{low:.3f} to {high:.3f}"
        '0.826 to 0.945'
    """
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(one_alone: int, other_alone: int) -> float:
    """The exact p of McNemar's test (1947): how likely chance parts two equal classifiers as far.

    Args:
        one_alone: Number of images that one classifier has right and the other wrong.
        other_alone: Number of those the other way round.

    Example:
        >>> mcnemar(6, 0)
        0.03125
    """
    from scipy.stats import binomtest

    differing = one_alone + other_alone
    return float(binomtest(one_alone, differing).pvalue) if differing else 1.0
