"""The picture of a drill, from its report: where the service ran, what was acknowledged, which attempts failed."""

import io
import os
from typing import Any

from postfix_ha.drill.senders import in_words
from postfix_ha.system.files import replace_file

RUNS, GAP, GOOD, BAD, INK = "#2f6f9f", "#f2c9a1", "#3a8a5c", "#c0392b", "#444444"
WIDTH_IN, PANEL_IN, LANE_IN, TOLD_IN = 10.0, 1.6, 0.42, 0.17
DPI = 110
FORMATS = ("svg", "png")


class NoLibrary(Exception):
    """The library that draws is not installed."""


def draw(found: "dict[str, Any]", directory: str) -> "list[str]":
    """Leave drill.svg and drill.png in the directory; their paths. NoLibrary where matplotlib is missing."""
    try:
        import logging

        # It has a word to say about its cache where there is no home directory.
        logging.getLogger("matplotlib").setLevel(logging.ERROR)
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise NoLibrary(str(error)) from None
    timeline = found["timeline"]
    nodes = timeline["nodes"]
    lanes_in = 0.5 + LANE_IN * len(nodes)
    # Text stays text in the SVG: it can be searched, and needs no font inside.
    with rc_context({"svg.fonttype": "none", "font.size": 9.0, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(
            figsize=(WIDTH_IN, lanes_in + 2 * PANEL_IN + 1.1 + TOLD_IN * len(found["phases"])), constrained_layout=True
        )
        FigureCanvasAgg(figure)
        heights = [lanes_in, PANEL_IN, PANEL_IN]
        lanes, good, bad = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        figure.suptitle(f"{found['tag']}: drill {found['drill']}, {found['began']}", fontsize=11)
        _draw_lanes(lanes, timeline, nodes)
        _draw_bars(good, timeline, "acknowledged", GOOD, "messages\nacknowledged")
        _draw_bars(bad, timeline, "failed", BAD, "attempts\nrefused or failed")
        for axes in (lanes, good, bad):
            _mark_phases(axes, found["phases"], with_text=axes is lanes)
            axes.set_xlim(0, max(found["took_s"], 1))
        told = [f"seconds since the drill began; bars of {timeline['interval_s']:g} s; shaded: no server for clients"]
        told += [f"senders, {each['what']}: {in_words(each['senders'])}" for each in found["phases"]]
        bad.set_xlabel("\n".join(told))
        paths = [os.path.join(directory, f"drill.{name}") for name in FORMATS]
        for path, name in zip(paths, FORMATS):
            drawn = io.BytesIO()
            figure.savefig(drawn, dpi=DPI, format=name)
            replace_file(path, drawn.getvalue())
    return paths


def _draw_lanes(axes: "Any", timeline: "dict[str, Any]", nodes: "list[str]") -> None:
    for row, node in enumerate(nodes):
        spans = [
            (each["from_s"], each["to_s"] - each["from_s"]) for each in timeline["service"] if each["node"] == node
        ]
        axes.broken_barh(spans, (row - 0.36, 0.72), facecolors=RUNS, zorder=2)
    axes.set_yticks(range(len(nodes)))
    axes.set_yticklabels(nodes)
    axes.set_ylim(len(nodes) - 0.5, -0.5)
    axes.set_ylabel("service runs on")
    axes.tick_params(length=0, axis="y")


def _draw_bars(axes: "Any", timeline: "dict[str, Any]", key: str, colour: str, label: str) -> None:
    counts, interval_s = timeline[key], timeline["interval_s"]
    starts = [number * interval_s for number in range(len(counts))]
    axes.bar(starts, counts, width=interval_s * 0.9, align="edge", color=colour, linewidth=0, zorder=2)
    axes.set_ylim(0, max([*counts, 1]) * 1.1)
    axes.set_ylabel(label)
    axes.yaxis.get_major_locator().set_params(integer=True)


def _mark_phases(axes: "Any", phases: "list[dict[str, Any]]", with_text: bool) -> None:
    """A line where each phase begins, and the gap that clients saw as a band."""
    for number, phase in enumerate(phases):
        axes.axvline(phase["from_s"], color=INK, linewidth=0.8, linestyle=":")
        if phase["gap_s"]:
            axes.axvspan(phase["gap_from_s"], phase["gap_from_s"] + phase["gap_s"], color=GAP, linewidth=0, zorder=0)
        if with_text:
            gap = "" if phase["gap_s"] is None else f": gap {phase['gap_s']:.2f} s"
            place = (phase["from_s"], 1.0)
            axes.annotate(
                phase["what"] + gap, place, xycoords=("data", "axes fraction"), xytext=(2, 2 + 11 * (number % 2)),
                textcoords="offset points", fontsize=8, color=INK,
            )  # fmt: skip
