# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Artifact folders: verified when read, published whole or not at all, whatever else lies there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from core import artifact
from core.errors import NeuralBakeError

CONTENT = {"kind": "light_grid", "metrics": {"kept": "ours"}}


def make(folder: Path, text: str = "new", **files: str) -> Path:
    """A result with ``weights.bin`` and further files."""
    folder.mkdir(parents=True)
    for name, content in {"weights.bin": text, **files}.items():
        (folder / name).write_text(content, "utf-8")
    artifact.write_manifest(folder, CONTENT)
    return folder


def stage(final: Path, text: str = "new", **files: str) -> Path:
    return make(artifact.staging_directory(final), text, **files)


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != artifact.MANIFEST
    }


def refused(code: str, work: object, *arguments: object) -> NeuralBakeError:
    with pytest.raises(NeuralBakeError) as caught:
        work(*arguments)
    assert caught.value.code == code and caught.value.exit_code == 2
    return caught.value


def test_write_and_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "result", "abc", note="Küche")
    manifest = artifact.read_manifest(folder, "light_grid")
    assert manifest == artifact.read_manifest(folder)
    assert manifest["schema"] == "neural_bake.artifact/1" and manifest["kind"] == "light_grid"
    assert manifest["metrics"] == {"kept": "ours"}
    assert manifest["files"]["weights.bin"] == {"sha256": hashlib.sha256(b"abc").hexdigest(), "size": 3}
    assert set(manifest["files"]) == {"weights.bin", "note"}


def test_manifest_is_written_as_returned(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    returned = artifact.write_manifest(tmp_path, CONTENT)
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8")) == returned


def test_manifest_holds_only_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        artifact.write_manifest(tmp_path, {**CONTENT, "error": float("nan")})


def test_a_changed_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    (folder / "weights.bin").write_text("neW")
    assert "weights.bin" in refused("wrong_hash", artifact.read_manifest, folder).message


def test_a_missing_file(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    (folder / "weights.bin").unlink()
    assert "weights.bin" in refused("corrupt_file", artifact.read_manifest, folder).message


def test_files_that_the_manifest_does_not_name_are_not_judged(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    (folder / "notes.txt").write_text("mine")
    artifact.read_manifest(folder)


def test_no_result(tmp_path: Path) -> None:
    refused("no_artifact", artifact.read_manifest, tmp_path)
    refused("no_artifact", artifact.read_manifest, tmp_path / "nothing")


def test_another_kind_or_schema(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    assert "light_grid" in refused("kind", artifact.read_manifest, folder, "voxel").message
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "schema": "neural_bake.artifact/9"}))
    assert "artifact/9" in refused("schema", artifact.read_manifest, folder).message


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "sub/file", "..", ""])
def test_files_outside_the_folder(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "result")
    (tmp_path / "secret").write_text("secret")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = {"sha256": hashlib.sha256(b"secret").hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    refused("corrupt_file", artifact.read_manifest, folder)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "3", "{}", '{"schema": 1, "kind": 2}', "[" * 200_000, "\udcff",
        '{"schema": "neural_bake.artifact/1", "kind": "light_grid", "files": null}',
        '{"schema": "neural_bake.artifact/1", "kind": "light_grid", "files": {"a": 3}}',
        '{"schema": "neural_bake.artifact/1", "kind": "light_grid", "files": {"a": "x"}}',
    ],
    ids=lambda text: ascii(text[-24:]),
)  # fmt: skip
def test_a_damaged_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, "utf-8", "surrogateescape")
    refused("corrupt_file", artifact.read_manifest, tmp_path)


def test_publish_into_nothing(tmp_path: Path) -> None:
    final = tmp_path / "result"
    artifact.check_target(final)
    artifact.publish(stage(final), final)
    assert contents(final) == {"weights.bin": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_publish_into_an_empty_folder(tmp_path: Path) -> None:
    final = tmp_path / "result"
    final.mkdir()
    artifact.check_target(final)
    artifact.publish(stage(final), final)
    assert contents(final) == {"weights.bin": "new"}


def test_publish_over_an_earlier_result(tmp_path: Path) -> None:
    """What the earlier bake wrote goes; what the artist put there stays."""
    final = make(tmp_path / "result", "old", **{"preview.exr": "old"})
    (final / "notes.txt").write_text("mine")
    (final / "photos").mkdir()
    (final / "photos" / "1.png").write_text("mine too")
    artifact.check_target(final)
    artifact.publish(stage(final), final)
    assert contents(final) == {"weights.bin": "new", "notes.txt": "mine", "photos/1.png": "mine too"}
    artifact.read_manifest(final)
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_publish_with_a_name_that_the_artist_took(tmp_path: Path) -> None:
    final = make(tmp_path / "result", "old")
    (final / "preview.png").write_text("mine")
    artifact.publish(stage(final, **{"preview.png": "new"}), final)
    assert contents(final) == {"weights.bin": "new", "preview.png": "new"}
    artifact.read_manifest(final)


def test_publish_over_a_damaged_result(tmp_path: Path) -> None:
    final = make(tmp_path / "result", "old")
    (final / "manifest.json").write_text("{")
    (final / "notes.txt").write_text("mine")
    artifact.check_target(final)
    artifact.publish(stage(final), final)
    assert contents(final) == {"weights.bin": "new", "notes.txt": "mine"}


def test_publish_by_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    artifact.check_target(Path("result"))
    artifact.publish(stage(Path("result")), Path("result"))
    assert contents(tmp_path / "result") == {"weights.bin": "new"}


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A publication that was killed between its two renames: the earlier result stands aside, the new one is staged."""
    final = make(tmp_path / "result", "old")
    (final / "notes.txt").write_text("mine")
    os.rename(final, tmp_path / f"result{artifact.PREVIOUS}")
    stage(final)
    return final


def test_killed_between_the_renames_it_is_found(killed: Path) -> None:
    assert contents(artifact.locate(killed)) == {"weights.bin": "old", "notes.txt": "mine"}
    assert artifact.read_manifest(killed)["kind"] == "light_grid"


def test_killed_between_the_renames_the_check_mends_it(killed: Path) -> None:
    artifact.check_target(killed)
    assert contents(killed) == {"weights.bin": "old", "notes.txt": "mine"}
    assert artifact.locate(killed) == killed


def test_killed_between_the_renames_publishing_goes_on(killed: Path) -> None:
    artifact.publish(artifact.staging_directory(killed), killed)
    assert contents(killed) == {"weights.bin": "new", "notes.txt": "mine"}
    assert [path.name for path in killed.parent.iterdir()] == ["result"]


@pytest.mark.parametrize("step", ["check", "publish"])
def test_killed_after_the_renames_the_artists_files_survive(tmp_path: Path, step: str) -> None:
    """The new result stands, but what was foreign in the old one has not been carried over yet."""
    final = make(tmp_path / "result", "new")
    previous = make(tmp_path / f"result{artifact.PREVIOUS}", "old")
    (previous / "notes.txt").write_text("mine")
    if step == "check":
        artifact.check_target(final)
        assert contents(final) == {"weights.bin": "new", "notes.txt": "mine"}
    else:
        artifact.publish(stage(final, "newest"), final)
        assert contents(final) == {"weights.bin": "newest", "notes.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_file_where_the_result_stood(tmp_path: Path) -> None:
    """What was published before waits beside it, and is not mixed with anything."""
    make(tmp_path / f"result{artifact.PREVIOUS}", "old")
    (tmp_path / "result").write_text("text")
    refused("bad_output", artifact.check_target, tmp_path / "result")
    (tmp_path / "result").unlink()
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "thesis.tex").write_text("years of work")
    refused("bad_output", artifact.check_target, tmp_path / "result")
    assert contents(tmp_path / "result") == {"thesis.tex": "years of work"}
    assert contents(tmp_path / f"result{artifact.PREVIOUS}") == {"weights.bin": "old"}


def test_folders_of_the_artists_beside_it_are_left_alone(tmp_path: Path) -> None:
    names = ("result.previous", "result.staging", "result old")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.tex").write_text("years of work")
    final = tmp_path / "result"
    for text in ("first", "second"):
        artifact.check_target(final)
        artifact.publish(stage(final, text), final)
    assert contents(final) == {"weights.bin": "second"}
    assert {path.name for path in tmp_path.iterdir()} == {"result", *names}
    assert all(contents(tmp_path / name) == {"thesis.tex": "years of work"} for name in names)


def test_locate_where_nothing_happened(tmp_path: Path) -> None:
    final = make(tmp_path / "result")
    assert artifact.locate(final) == final
    assert artifact.locate(tmp_path / "nothing") == tmp_path / "nothing"


def test_check_target_takes_what_can_be_made(tmp_path: Path) -> None:
    artifact.check_target(tmp_path / "new")
    artifact.check_target(tmp_path / "a" / "b" / "c")
    artifact.check_target(make(tmp_path / "result"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result"], "the check must leave nothing"
    assert sorted(path.name for path in (tmp_path / "result").iterdir()) == ["manifest.json", "weights.bin"]


def test_check_target_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    assert "is a file" in refused("bad_output", artifact.check_target, tmp_path / "file").message


def test_check_target_refuses_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for path in (tmp_path / "file" / "result", tmp_path / "file" / "deep" / "result"):
        assert str(tmp_path / "file") in refused("bad_output", artifact.check_target, path).message


def test_check_target_refuses_foreign_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    refused("bad_output", artifact.check_target, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_check_target_refuses_a_foreign_manifest(tmp_path: Path) -> None:
    """Web pages have a manifest.json too."""
    (tmp_path / "manifest.json").write_text('{"name": "My page", "icons": []}')
    (tmp_path / "index.html").write_text("page")
    refused("bad_output", artifact.check_target, tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unwritable here")
def test_check_target_refuses_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        refused("bad_output", artifact.check_target, tmp_path / "result")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that even the administrator cannot write to")
def test_check_target_refuses_an_unwritable_parent() -> None:
    assert "cannot be written" in refused("bad_output", artifact.check_target, Path("/proc/result")).message


def test_check_target_refuses_a_foreign_folder_where_the_earlier_result_would_stand(tmp_path: Path) -> None:
    (tmp_path / f"result{artifact.PREVIOUS}").mkdir()
    (tmp_path / f"result{artifact.PREVIOUS}" / "thesis.tex").write_text("years of work")
    assert "in the way" in refused("bad_output", artifact.check_target, tmp_path / "result").message
    make(tmp_path / "result")
    refused("bad_output", artifact.check_target, tmp_path / "result")
    assert (tmp_path / f"result{artifact.PREVIOUS}" / "thesis.tex").read_text() == "years of work"


def empty_mount_point() -> Path | None:
    """A mounted folder without files, such as Linux has under /dev or /sys."""
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
        folders = [Path(line.split()[1]) for line in lines]
        return next((folder for folder in folders if folder.is_dir() and not any(folder.iterdir())), None)
    except OSError:
        return None


@pytest.mark.skipif(empty_mount_point() is None, reason="no empty mount point to try")
def test_check_target_refuses_a_mount_point() -> None:
    assert "mount point" in refused("bad_output", artifact.check_target, empty_mount_point()).message
