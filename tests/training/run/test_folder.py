"""No run and no other file is lost, whatever a new run meets and wherever a process is killed."""

import shutil
from pathlib import Path

import pytest
import yaml
from kills import Killed

from keras_resnets.errors import UserError
from training import recipe
from training.cluster import ALONE, Task
from training.commands.train import _fresh
from training.run import folder as folder_module
from training.run.folder import CONFIG, MARK, RunFolder, is_run, read_config, read_rows

ONE = recipe.configure({"data": {"folder": "photos"}})
OTHER = recipe.configure({"data": {"folder": "photos"}, "epochs": 3})
WORKER = Task(1, ("a:1", "b:1"))


def content(path: Path) -> dict[str, bytes]:
    return {
        place.relative_to(path).as_posix(): place.read_bytes()
        for place in path.rglob("*")
        if place.is_file() and place.name != ".lock"
    }


@pytest.fixture
def finished(tmp_path):
    """A finished run, with a note of its owner's beside it."""
    path = tmp_path / "runs" / "good one"
    with RunFolder.open(path, ONE) as run:
        run.begin(ONE, needed=1)
        run.write_history([{"epoch": 1.0, "loss": 0.5}])
        (path / "checkpoints").mkdir()
        (path / "checkpoints" / "step-00000006.npz").write_bytes(b"six")
        for name in ("best.keras", "evaluation.json", "tflite/a.tflite", "runtimes/a.onnx"):
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_text(name)
        run.finish()
    (path / "notes.txt").write_text("mine")
    return path


def _begin_and_fail(path, *, reach=False):
    with RunFolder.open(path, OTHER, force=True) as run:
        run.begin(OTHER, needed=1)
        (path / "best.keras").write_text("half a run")
        if reach:
            run.write_history([{"epoch": 1.0, "loss": 0.1}])
        raise RuntimeError("anything")


def test_force_keeps_the_old_run_until_something_begins(finished):
    before = content(finished)
    with RunFolder.open(finished, OTHER, force=True):
        assert content(finished) == before
    assert content(finished) == before


def test_the_old_run_comes_back_on_any_error(finished):
    before = content(finished)
    with pytest.raises(RuntimeError):
        _begin_and_fail(finished)
    assert content(finished) == before


def test_what_was_reached_stays_and_the_old_run_beside_it_until_the_end(finished):
    before = content(finished)
    with pytest.raises(RuntimeError):
        _begin_and_fail(finished, reach=True)
    assert read_config(finished) == OTHER
    aside = content(finished / ".before")
    assert {**aside, "notes.txt": b"mine"} == before
    assert (finished / "notes.txt").read_text() == "mine"
    run, config = RunFolder.resume(finished, ALONE)
    with run:
        run.begin(config, needed=1)
        run.finish()
    assert not (finished / ".before").exists()


def test_a_run_replaced_twice_comes_back_with_the_one_before_it(finished):
    before = content(finished)
    with pytest.raises(RuntimeError):
        _begin_and_fail(finished, reach=True)
    once = content(finished)
    with pytest.raises(RuntimeError):
        _begin_and_fail(finished)
    assert content(finished) == once
    assert {**content(finished / ".before"), "notes.txt": b"mine"} == before


@pytest.mark.parametrize("renames", range(1, 20))
def test_a_kill_while_the_old_run_is_moved_aside_or_back_loses_nothing(
    finished, monkeypatch, renames
):
    """The process dies at its n-th rename; what follows, its `finally` too, does not happen."""
    before, rename, left = content(finished), Path.rename, renames

    def dying(self, target):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying)
    run = RunFolder.open(finished, OTHER, force=True)
    try:
        run.begin(OTHER, needed=1)
        run.__exit__()
    except Killed:
        pass
    monkeypatch.undo()
    run._lock.release()
    with pytest.raises(UserError, match="holds a finished run"):
        RunFolder.open(finished, OTHER)
    assert content(finished) == before


def test_a_killed_start_is_swept_by_the_next_call(finished):
    before = content(finished)
    run = RunFolder.open(finished, OTHER, force=True)
    run.begin(OTHER, needed=1)
    (finished / ".best.aside-999999999.keras").write_bytes(b"half")
    run._lock.release()
    with pytest.raises(UserError, match="finished"):
        RunFolder.resume(finished, ALONE)
    assert content(finished) == before


def test_a_full_disk_is_noticed_before_anything_is_moved(finished, monkeypatch):
    before = content(finished)
    usage = shutil.disk_usage(finished)._replace(free=10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with (
        RunFolder.open(finished, OTHER, force=True) as run,
        pytest.raises(UserError, match="Expected 2.0 MB of room .* Received: 1.0 MB"),
    ):
        run.begin(OTHER, needed=2 * 10**6)
    assert content(finished) == before


@pytest.mark.parametrize("name", [CONFIG, "history.json", "best.keras", ".git", "checkpoints"])
@pytest.mark.parametrize("force", [True, False])
def test_a_folder_without_our_mark_is_left_alone(tmp_path, name, force):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("dear")
    (tmp_path / "thesis" / name).write_text("chapter: 1")
    before = content(tmp_path)
    with pytest.raises(UserError, match="holds other files"):
        RunFolder.open(tmp_path / "thesis", ONE, force=force)
    assert content(tmp_path) == before
    assert not list(tmp_path.rglob(".lock"))


def test_what_was_made_for_nothing_is_removed_and_no_more(tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "a" / "b" / "new"):
        with pytest.raises(RuntimeError):
            _begin_and_fail(path)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    assert not list((tmp_path / "empty").iterdir())


def test_each_worker_has_a_folder_of_its_own_in_the_runs(tmp_path):
    chief, worker = (RunFolder.open(tmp_path / "run", ONE, task=t) for t in (ALONE, WORKER))
    with chief, worker:
        chief.begin(ONE, needed=1)
        worker.begin(ONE, needed=1)
        assert worker.path == tmp_path / "run" / "workers" / "1"
        assert chief.run == worker.run == chief.path
        chief.write_history([])
        worker.write_history([])
    assert is_run(tmp_path / "run")


def test_the_same_run_goes_on_on_other_devices_and_another_does_not(tmp_path):
    path = tmp_path / "run"
    with RunFolder.open(path, ONE) as run:
        run.begin(ONE, needed=1)
        run.write_history([{"epoch": 1.0}])
    elsewhere = recipe.configure(ONE.model_dump(), ["distribution.devices=4"])
    with RunFolder.open(path, elsewhere) as run:
        run.begin(elsewhere, needed=1)
    assert read_config(path) == elsewhere
    with pytest.raises(UserError, match="Received: another one"):
        RunFolder.open(path, OTHER)


def test_a_run_from_before_the_mark_goes_on_and_is_never_overwritten(tmp_path):
    """Its configuration has every key of every schedule and rule, as it was written then."""
    path = tmp_path / "old"
    (path / "checkpoints").mkdir(parents=True)
    values = ONE.model_dump(mode="json")
    values["schedule"] |= {"milestones": [], "factor": 0.1, "final": 0.0, "cycle": 10.0}
    values["optimizer"] |= {"beta_2": 0.999}
    values["model"]["freeze"] = ["stem"]
    (path / CONFIG).write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match="holds other files"):
        RunFolder.open(path, ONE, force=True)
    run, config = RunFolder.resume(path, ALONE)
    with run:
        assert config == recipe.configure({**ONE.model_dump(), "model": {"freeze": 1}})
        assert (path / MARK).is_file()
    assert read_config(path) == config


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (CONFIG, "model: ["),
        (CONFIG, "epochs: many"),
        (CONFIG, "- 1"),
        ("history.json", "[{"),
        ("history.json", '[{"loss": "x"}]'),
        ("history.json", "[3]"),
    ],
)
def test_a_broken_file_of_a_run_is_named(tmp_path, name, text):
    (tmp_path / CONFIG).write_text("{}")
    (tmp_path / MARK).write_text("")
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=name):
        read_config(tmp_path) if name == CONFIG else read_rows(tmp_path)


def test_a_run_under_a_file_or_with_a_zero_byte_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path, message in (
        (tmp_path / "file" / "run", "file is a file"),
        (tmp_path / "a\0b", "a zero byte"),
        (tmp_path / "file", "file is a file"),
    ):
        with pytest.raises(UserError, match=message):
            RunFolder.open(path, ONE)


def test_the_name_of_a_new_run_passes_over_whatever_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = _fresh(ONE)
    (first / "sub").mkdir(parents=True)
    second = _fresh(ONE)
    assert second.name == first.name + "-2"
    with RunFolder.open(second, ONE) as run:
        run.begin(ONE, needed=1)
        run.write_history([])
    assert _fresh(ONE) == second
    assert _fresh(OTHER).name == first.name + "-3"


def test_every_file_of_a_run_is_known_as_ours(finished):
    assert {path.name for path in finished.iterdir()} - folder_module.OWN == {".lock", "notes.txt"}
