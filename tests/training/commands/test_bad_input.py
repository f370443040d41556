"""Whatever the user can mend is one line on stderr and exit code 2."""

import pytest

from keras_resnets.errors import UserError
from training import recipe
from training.cli import main
from training.cluster import ALONE, Task
from training.devices import share_of
from training.run.folder import RunFolder


@pytest.fixture
def refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        errors = capsys.readouterr().err
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
        return errors

    return run


def test_unknown_model(refused, photos):
    message = refused(photos, "--weights", "none", "--model", "ResNest14x")
    assert "Unknown model 'ResNest14x'. Did you mean 'ResNeSt14'" in message


def test_unknown_argument_of_the_model(refused, photos):
    message = refused(photos, "--weights", "none", "--set", "model.arguments.drop_path=0.1")
    assert "Unknown key 'model.arguments.drop_path'. Did you mean 'drop_path_rate'" in message


def test_unknown_recipe(refused):
    assert "Unknown recipe 'demos'. Did you mean 'demo'?" in refused("--recipe", "demos")


def test_unknown_data_set(refused):
    assert "'mnist_5k'" in refused("--dataset", "mnist_5", "--weights", "none")


def test_unknown_flag(refused):
    assert "Unrecognized arguments: --epoch. Did you mean '--epochs'" in refused(
        "--recipe", "demo", "--epoch", "3"
    )


def test_no_data(refused):
    assert "Expected PHOTOS, --recipe NAME or --dataset NAME" in refused("--epochs", 2)


def test_one_class(refused, photos, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "red").symlink_to(photos / "red")
    assert "At least two classes" in refused("--data", tmp_path / "one", "--weights", "none")


def test_a_folder_that_is_not_there(refused):
    assert "which does not exist" in refused("--data", "nowhere", "--weights", "none")


def test_classes_that_contradict_the_data(refused, photos):
    message = refused(photos, "--weights", "none", "--set", "model.classes=7")
    assert "the 3 classes" in message
    assert "Received: classes=7" in message


def test_an_input_too_small_for_the_stem(refused, photos):
    message = refused(photos, "--weights", "none", "--set", "preprocessing.size=16")
    assert "at least 32x32 pixels" in message


def test_an_argument_the_constructor_refuses(refused, photos):
    message = refused(photos, "--weights", "none", "--set", "model.arguments.drop_path_rate=1.5")
    assert "in [0, 1)" in message
    assert "1.5" in message


def test_a_folder_with_other_files_is_left_alone(refused, photos, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    assert "which holds other files: thesis.txt. Name" in refused(
        photos, "--weights", "none", "--run", "mine", "--force"
    )
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


def test_nothing_to_resume(refused):
    assert "none unfinished under runs/" in refused("--resume")
    assert "Expected a run folder" in refused("--resume", "nowhere")


def test_resume_takes_no_other_configuration(refused):
    assert "Received also: epochs" in refused("--resume", "runs/x", "--epochs", 3)


def test_a_second_process_is_kept_out(refused, photos, tmp_path):
    config = recipe.configure({"data": {"folder": str(photos)}})
    with RunFolder.open(tmp_path / "held", config) as held:
        message = refused(photos, "--weights", "none", "--run", held.path)
    assert "another process" in message


def test_jit_compile_without_a_gpu(refused, photos):
    message = refused(photos, "--weights", "none", "--strategy", "one", "--set", "jit_compile=true")
    assert "Expected jit_compile only on one GPU" in message


def test_a_batch_that_the_devices_do_not_divide():
    config = recipe.configure({"batch_size": 8, "optimizer": {"accumulation": 2}})
    with pytest.raises(UserError, match="Received: batch_size=8. Take 6."):
        share_of(config, ALONE, replicas=3)
    assert share_of(config, Task(1, ("a:1", "b:1")), replicas=4).replicas == 2


def test_multiworker_without_tf_config(refused, photos, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    message = refused(photos, "--weights", "none", "--strategy", "multiworker")
    assert "Expected the machines in TF_CONFIG" in message


def test_a_tpu_that_is_not_there(refused, photos):
    assert "Expected a TPU" in refused(photos, "--weights", "none", "--strategy", "tpu")
