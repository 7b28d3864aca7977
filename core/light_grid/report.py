# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that a bake ends with: every method's error on held-out points, beside the noise floor."""

from __future__ import annotations

COLUMNS = ("nRMSE", "relMSE", "SMAPE", "leak")
LABELS = {
    "ours": "Neural Bake",
    "trilinear": "trilinear",
    "validity": "trilinear + validity + normal bias",
    "ddgi": "DDGI visibility (Chebyshev)",
    "noise_floor": "noise floor of the reference",
}


def table(manifest: dict) -> str:
    """The held-out errors of a manifest as text; the kept method is marked by an asterisk."""
    metrics = manifest["metrics"]
    rows = dict(metrics["held_out"])
    points = metrics["report_points"]
    dark = next(iter(rows.values()))["leak_points"]
    rows["noise_floor"] = metrics["noise_floor"]
    width = max(len(text) for text in LABELS.values()) + 2
    head = "".join(f"{name:>10}" for name in COLUMNS)
    lines = [
        f"Error on {points} held-out points, {manifest['settings']['light']} light, {manifest['probes']} probes",
        f"{'':{width}}{head}",
    ]
    for name, values in rows.items():
        mark = "* " if name == metrics["kept"] else "  "
        lines.append(
            f"{mark + LABELS.get(name, name):{width}}"
            + "".join(f"{_number(values.get(column)):>10}" for column in COLUMNS)
        )
    leak = (
        f"leak over {dark} points that should be dark"
        if dark
        else "leak: no held-out point is dark, so it is not measured"
    )
    lines.append(f"* kept: {LABELS.get(metrics['kept'], metrics['kept'])}; {leak}")
    if metrics["kept"] != "ours":
        lines.append("Neural Bake's own weights did not beat this rival on the choosing points of this scene.")
    lines += [f"note: {note}" for note in manifest.get("notes", ())]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
