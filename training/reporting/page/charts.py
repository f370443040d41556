"""Charts as numbers: where lines, points and ticks lie; `templates/chart.html` draws them as SVG."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

WIDTH, HEIGHT = 340, 210  # of a chart, in its own units
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 34  # margins

Point = tuple[float, float]
Row = Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: What is along it.
        low: Value at its beginning.
        high: Value at its end.
        ticks: Values that are marked.
        text: A function from such a value to its text.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    text: Callable[[float], str]

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


@dataclasses.dataclass(frozen=True)
class Series:
    """What is drawn in one colour.

    Attributes:
        name: What it is.
        points: Its points.
        labels: A text for each point, or none.
        dashed: Whether its line is.
        colour: Number of its colour.
    """

    name: str
    points: Sequence[Point]
    labels: Sequence[str] = ()
    dashed: bool = False
    colour: int = 0


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart with its axes.

    Attributes:
        title: What it shows.
        x: The horizontal axis.
        y: The vertical axis.
        lines: Series that are joined by lines.
        dots: Series of points alone.
        bars: Values of bars of equal width along the whole of `x`, from the bottom.
        diagonal: Whether the line from corner to corner is drawn.
    """

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Series] = ()
    dots: Sequence[Series] = ()
    bars: Sequence[float] = ()
    diagonal: bool = False

    def place(self, point: Point) -> Point:
        """Where a point lies in the picture, whose origin is its upper left corner."""
        return self.across(point[0]), self.down(point[1])

    def across(self, x: float) -> float:
        """The distance of a value from the picture's left side."""
        return round(LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT), 1)

    def down(self, y: float) -> float:
        """The distance of a value from the picture's upper side."""
        return round(HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM), 1)

    def path(self, series: Series) -> str:
        """The points of a line as SVG has them."""
        return " ".join(f"{x},{y}" for x, y in map(self.place, series.points))


def percent(value: float) -> str:
    """A share as the tick of an axis.

    Example:
        >>> percent(0.125), percent(0.5)
        ('12.5%', '50%')
    """
    return f"{100 * value:.4g}%"


def number(value: float) -> str:
    """A number as the tick of an axis.

    Example:
        >>> number(0.30000000000000004)
        '0.3'
    """
    return f"{value:.4g}"


def axis(
    label: str,
    values: Iterable[float],
    text: Callable[[float], str] = number,
    *,
    whole: bool = False,
    bounds: tuple[float, float] | None = None,
) -> Axis:
    """An axis around values, whose ends are round numbers.

    Args:
        label: What is along it.
        values: What must find its place.
        text: A function from a tick to its text.
        whole: Whether its ticks are whole numbers.
        bounds: Ends that are not to be passed, such as 0 and 1 for shares.
    """
    from matplotlib.ticker import MaxNLocator

    present = list(values) or [0.0, 1.0]
    low, high = min(present), max(present)
    margin = (high - low or abs(high) or 1.0) * 0.05
    locator = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10], integer=whole)
    low, high = (low, max(high, low + 1)) if whole else (low - margin, high + margin)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    ticks = [float(tick) for tick in locator.tick_values(low, high)]
    if whole:
        ticks = [tick for tick in ticks if low <= tick <= high]
    else:
        low, high = ticks[0], ticks[-1]
        if bounds is not None:
            low, high = max(low, bounds[0]), min(high, bounds[1])
            ticks = [tick for tick in ticks if low <= tick <= high]
    return Axis(label, low, high, ticks, text)


def curves(runs: Mapping[str, Sequence[Row]], quantity: str) -> Chart:
    """A quantity over the epochs, of validation in full and of training dashed.

    Args:
        runs: The rows of each run's history, by its name.
        quantity: `"loss"` or `"accuracy"`.
    """
    lines = []
    for colour, (name, rows) in enumerate(runs.items()):
        for label, key, dashed in (
            ("validation", f"validation_{quantity}", False),
            ("training", quantity, True),
        ):
            points = [(row["epoch"], row[key]) for row in rows if key in row]
            whole_name = label if len(runs) == 1 else f"{name}, {label}"
            lines.append(Series(whole_name, points, dashed=dashed, colour=colour))
    shares = quantity == "accuracy"
    reached = [point for line in lines for point in line.points]
    return Chart(
        quantity,
        axis("epoch", (x for x, _ in reached), whole=True),
        axis(
            "",
            (y for _, y in reached),
            percent if shares else number,
            bounds=(0, 1 if shares else math.inf),
        ),
        lines=lines,
    )


def scatter(title: str, x: Axis, y: Axis, points: Mapping[str, Point]) -> Chart:
    """Points with their names, each in a colour of its own."""
    dots = [
        Series(name, [point], [name], colour=colour)
        for colour, (name, point) in enumerate(points.items())
    ]
    return Chart(title, x, y, dots=dots)


def reliability(right: Sequence[float]) -> Chart:
    """Bars of the share that is right, by confidence; sound probabilities reach the diagonal.

    Args:
        right: Shares in equal bins of the confidence from 0 to 1; 0 for a bin without images.
    """
    ticks = [tick / 4 for tick in range(5)]
    return Chart(
        "right, by confidence",
        Axis("confidence", 0, 1, ticks, percent),
        Axis("", 0, 1, ticks, percent),
        bars=right,
        diagonal=True,
    )
