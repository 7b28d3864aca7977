# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that a relight bake ends with: every method's error under held-out lights, beside the noise floor."""

from __future__ import annotations

# Key in the manifest, heading, and format of each column; an entry that was not measured is a dash.
COLUMNS = (
    ("relative", "relative", "{:.4f}"),
    ("nRMSE", "nRMSE", "{:.4f}"),
    ("PSNR", "PSNR dB", "{:.1f}"),
    ("seconds", "learned s", "{:.1f}"),
    ("milliseconds", "relit ms", "{:.1f}"),
)
LABELS = {
    "ours": "Neural Bake",
    "dense": "dense network",
    "nearest": "nearest picture",
    "barycentric": "barycentric blend",
    "rbf_linear": "linear RBF",
    "rbf_thin_plate": "thin-plate RBF",
    "ptm": "polynomial texture map",
    "lambert": "linear in the light",
    "noise_floor": "noise floor of the reference",
}


def table(manifest: dict) -> str:
    """The held-out errors of a manifest as text; the kept method is marked by an asterisk."""
    metrics = manifest["metrics"]
    held_out, kept, lights = metrics["held_out"], metrics["kept"], metrics["report_lights"]
    size = f"{manifest['width']}x{manifest['height']}"
    lamps = len(manifest["lamps"])
    where = f"{size}, {lamps} lamps" if lamps > 1 else size
    if held_out and lights:
        rows = dict(held_out)
        if metrics.get("noise_floor"):
            rows["noise_floor"] = metrics["noise_floor"]
        width = max(len(text) for text in LABELS.values()) + 4
        lines = [f"Error under {_count(lights, 'held-out light')}, {where}"]
        lines.append(" " * width + "".join(f"{heading:>11}" for _, heading, _ in COLUMNS))
        for name, values in rows.items():
            mark = "* " if name == kept else "  "
            cells = (_cell(values.get(key), text) for key, _, text in COLUMNS)
            lines.append(f"{mark + LABELS.get(name, name):{width}}" + "".join(f"{cell:>11}" for cell in cells))
        lines.append("relative: sqrt(sum (y - p)^2 / sum y^2) of the tone-mapped pictures, mean over the lights")
    else:
        lines = [f"No light was held out, so that no error was measured, {where}"]
    lines.append(f"* kept: {LABELS.get(kept, kept)}")
    if kept != "ours":
        lines.append("Neural Bake's own model did not beat this rival on the choosing lights of this scene.")
    elif ahead := _ahead(held_out, metrics.get("choose", {})):
        best, choose = min(ahead, key=lambda name: held_out[name]["relative"]), metrics["choose"]
        text = f"{choose['ours']:.4f}, {LABELS[best]} {choose[best]:.4f}"
        lines.append(f"The choice was made on other lights, left out in turns: {text}.")
    lines += [f"note: {note}" for note in manifest.get("notes", ())]
    return "\n".join(lines)


def _ahead(held_out: dict, choose: dict) -> list[str]:
    """Rivals with a smaller error than ours in the table, of those that were compared when one was chosen."""
    names = [name for name in held_out if name in choose] if "ours" in held_out and "ours" in choose else []
    return [name for name in names if held_out[name]["relative"] < held_out["ours"]["relative"]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cell(value: float | None, text: str) -> str:
    return "-" if value is None else text.format(value)
