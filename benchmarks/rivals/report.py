"""The table and the picture of a benchmark's results."""

import io
from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.rivals.measure import PEAK_GOAL, Result
from benchmarks.rivals.tasks import OURS

MET, MISSED = "tab:green", "tab:red"


def markdown(results: Sequence[Result], facts: Mapping[str, str]) -> str:
    """The table: a row a comparison, what was absent below."""
    lines = [f"{name}: {value}  " for name, value in facts.items()]
    lines += [
        "",
        "Milliseconds are medians. The ratio is ours / the best rival's, the median over rounds in "
        "which all took turns, with its range; lower is better. Memory is the most that our process "
        "held, and in brackets its ratio to that of the same rival.",
        "",
        "| what | model | ours | rivals | ratio | goal | memory | rounds |",
        "|---|---|--:|---|--:|--:|--:|--:|",
    ]
    lines += [_row(result) for result in results]
    shares = [result for result in results if result.share_of_peak is not None]
    if shares:
        lines += [
            "",
            f"Share of the matrix product's speed (goal {PEAK_GOAL:.2f}), {shares[0].title}:",
        ]
        lines += [""]
        lines += [
            f"- {result.model}: {result.share_of_peak:.2f} of {result.peak_gigaflops:.0f} GFLOP/s"
            for result in shares
        ]
    absences = list(_absences(results))
    if absences:
        lines += ["", "Not in it:", "", *absences]
    return "\n".join(lines) + "\n"


def _row(result: Result) -> str:
    ours = result.contenders.get(OURS)
    rivals = ", ".join(
        f"{name} {_time(times['median'])}"
        for name, times in result.contenders.items()
        if name != OURS
    )
    ratio, goal = "", f"≤ {result.goal:.2f}"
    if result.is_absolute:
        goal = f"≤ {_time(result.goal)} ms"
    elif result.ratio is not None and result.ratio_range is not None:
        low, high = result.ratio_range
        ratio = f"**{result.ratio:.2f}** ({low:.2f} to {high:.2f})"
    verdict = {True: " ✓", False: " ✗", None: ""}[result.met]
    rounds = f"{result.rounds}" if result.clean else f"{result.rounds}, disturbed"
    return (
        f"| {result.title} | {result.model} | {_time(ours['median']) if ours else 'absent'} "
        f"| {rivals} | {ratio} | {goal}{verdict} | {_memory(result)} | {rounds} |"
    )


def _memory(result: Result) -> str:
    ours = result.contenders.get(OURS)
    if ours is None:
        return ""
    rival = result.contenders.get(result.best_rival or "")
    ratio = f" ({ours['peak_bytes'] / rival['peak_bytes']:.2f})" if rival else ""
    return f"{ours['peak_bytes'] / 1e9:.2f} GB{ratio}"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:.3g}" if milliseconds < 100 else f"{milliseconds:.0f}"


def _absences(results: Sequence[Result]) -> Iterator[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, reason in result.absent.items():
            reasons.setdefault((name, reason), []).append(f"{result.task}/{result.model}")
    for (name, reason), places in reasons.items():
        yield f"- {name} ({', '.join(places)}): {reason}"


def picture(results: Sequence[Result]) -> bytes:
    """A PNG: the ratios to the best rivals, and below them the shares of the matrix product's speed."""
    ratios = [one for one in reversed(results) if one.ratio is not None]
    shares = [one for one in reversed(results) if one.share_of_peak is not None]
    figure = Figure(figsize=(9, 2 + 0.28 * len(ratios + shares)), layout="constrained")
    above, below = figure.subplots(2, height_ratios=(len(ratios) + 3, len(shares) + 3))
    for place, result in enumerate(ratios):
        _bar(above, place, result.ratio or 0.0, result.goal, bool(result.met))
        above.plot(result.ratio_range or (), (place, place), color="black", linewidth=1)
    names = [f"{result.task} {result.model} / {result.best_rival}" for result in ratios]
    above.set_yticks(range(len(names)), names, fontsize=8)
    above.axvline(1, color="gray", linewidth=1, linestyle=":")
    above.set(
        xlabel="our time / the best rival's (left is faster; thick mark: goal; thin line: range)",
        xlim=(0, None),
    )
    for place, result in enumerate(shares):
        share = result.share_of_peak or 0.0
        _bar(below, place, share, PEAK_GOAL, share >= PEAK_GOAL)
    names = [f"{result.task} {result.model}" for result in shares]
    below.set_yticks(range(len(names)), names, fontsize=8)
    below.set(
        xlabel="share of the matrix product's speed (right is faster; thick mark: goal)",
        xlim=(0, None),
    )
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    return stream.getvalue()


def _bar(axes: Axes, place: int, value: float, goal: float, met: bool) -> None:
    axes.barh(place, value, color=MET if met else MISSED, alpha=0.7)
    axes.plot(goal, place, "|", color="black", markersize=14, markeredgewidth=2)
    axes.text(value, place, f"  {value:.2f}", va="bottom", fontsize=7)
