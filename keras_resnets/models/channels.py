"""Numbers of channels that suit SIMD units."""


def make_divisible(channels: float, divisor: int, *, least: float = 0.9) -> int:
    """Rounds to the nearest multiple of `divisor`, and never to zero.

    Args:
        channels: Number of channels to round.
        divisor: The divisor, 1 or more.
        least: Part of `channels` that must be left; where rounding down leaves less, it is up.

    Example:
        >>> make_divisible(18, 8), make_divisible(18, 8, least=0.0)
        (24, 16)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < least * channels else rounded
