"""Pictures for metadata: what a person should see at one glance, as PNG inside markdown."""

import base64
import io
from collections.abc import Sequence
from datetime import date

from tickstock_dagster.core.coverage import Completeness

_COLUMNS = 5
"""Monday to Friday."""

_WEEKS_WITH_DAYS = 60
"""Up to so many weeks the axis names days, beyond only months."""


def coverage_markdown(states: Sequence[Completeness]) -> str:
    """A heat map of completeness as a markdown image; the worst sessions below it in words."""
    image = base64.b64encode(coverage_png(states)).decode()
    worst = sorted((state for state in states if state.missing), key=lambda state: state.ratio)[:5]
    lines = [f"- {s.session}: {s.missing} of {s.expected} missing ({s.ratio:.1%})" for s in worst]
    return f"![coverage](data:image/png;base64,{image})\n\n" + "\n".join(lines or ["Every session is complete."])


def coverage_png(states: Sequence[Completeness]) -> bytes:
    """A calendar heat map: one cell per session, a row per weekday, a column per week; red 90 % or less, green 100 %.

    Args:
        states: ascending by session, at least one.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    first = states[0].session
    monday = first.toordinal() - first.weekday()
    weeks = (states[-1].session.toordinal() - monday) // 7 + 1
    grid = [[float("nan")] * weeks for _ in range(_COLUMNS)]
    for state in states:
        week, day = divmod(state.session.toordinal() - monday, 7)
        if day < _COLUMNS:
            grid[day][week] = state.ratio
    # A single missing bar of hundreds must not look like none: green begins at the very end.
    steps = [(0.0, "#b2182b"), (0.5, "#f4a582"), (0.97, "#fee08b"), (0.999, "#d9ef8b"), (1.0, "#1a9850")]
    colours = LinearSegmentedColormap.from_list("coverage", steps)
    colours.set_bad("#f5f5f5")
    figure = Figure(figsize=(min(12.0, max(5.0, weeks * 0.16 + 1.6)), 2.0), dpi=110, layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(grid, aspect="auto", cmap=colours, vmin=0.9, vmax=1.0, interpolation="nearest")
    axes.set_yticks(range(_COLUMNS), ["Mon", "Tue", "Wed", "Thu", "Fri"], fontsize=7)
    count = min(8, weeks)
    ticks = sorted({round(i * (weeks - 1) / max(count - 1, 1)) for i in range(count)})
    form = "%d %b %y" if weeks <= _WEEKS_WITH_DAYS else "%b %Y"
    axes.set_xticks(ticks, [date.fromordinal(monday + 7 * week).strftime(form) for week in ticks], fontsize=6)
    axes.set_title("bars stored of bars due, by session (grey: not a session, or not loaded)", fontsize=8)
    figure.colorbar(image, ax=axes, format="{x:.0%}", fraction=0.05).ax.tick_params(labelsize=6)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
