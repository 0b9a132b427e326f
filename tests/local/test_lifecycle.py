"""Starting, stopping, killing: nothing that was answered or stored is lost."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import store
from local.store import PROJECT
from local.testing import running_stack
from tests.local.conftest import TOY, Toy


@pytest.fixture
def own_toy(tmp_path: Path) -> Iterator[Toy]:
    with running_stack(tmp_path, template=TOY) as stack, contextlib.closing(Toy(stack)) as toy:
        yield toy


def local(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, timeout=120, check=False)


def test_a_clean_stop_keeps_everything_and_leaves_no_process(own_toy: Toy) -> None:
    stack = own_toy.stack
    before, port = stack.credentials, stack.base_url
    own_toy.put("kept", body={"S": "{}"})
    own_toy.client("s3").put_object(Bucket="usance-uploadsbucket", Key="kept.csv", Body=b"1,2")
    assert stack.stop() == 0
    assert store.find(stack.data_dir) is None
    own_seconds = stack.start()
    assert own_toy.note("change", "kept")["times"] == 1
    assert own_toy.note("uploaded", "kept.csv")["times"] == 1
    stored = own_toy.client("s3").get_object(Bucket="usance-uploadsbucket", Key="kept.csv")["Body"].read()
    assert stored == b"1,2"
    assert (stack.credentials, stack.base_url) == (before, port)
    assert own_seconds < 30


def test_after_kill_9_the_store_lives_on_and_the_next_start_attaches(own_toy: Toy) -> None:
    stack = own_toy.stack
    living = store.find(stack.data_dir)
    own_toy.put("before the kill", body={"S": "{}"})
    stack.kill9()
    assert store.find(stack.data_dir) == living
    own_toy.put("while nobody listens", body={"S": "{}"})
    own_toy.send(name="while nobody listens")
    stack.start()
    assert store.find(stack.data_dir) == living
    for key in ("before the kill", "while nobody listens"):
        assert own_toy.note("change", key)["times"] >= 1
    assert own_toy.note("work", "while nobody listens")["times"] == 1


def test_a_message_in_work_at_the_kill_comes_again_at_the_restart(own_toy: Toy) -> None:
    own_toy.send(name="interrupted", seconds=3)
    own_toy.note("work", "interrupted")
    own_toy.stack.kill9()
    own_toy.stack.start()
    own_toy.note("work", "interrupted", times=2)


def test_the_store_saves_while_it_runs_so_that_even_its_own_death_loses_little(own_toy: Toy) -> None:
    own_toy.put("saved", body={"S": "{}"})
    own_toy.note("change", "saved")
    time.sleep(8)  # the store saves some seconds after a change
    own_toy.stack.kill9()
    living = store.find(own_toy.stack.data_dir)
    assert living is not None
    os.kill(living.pid, signal.SIGKILL)
    own_toy.stack.start()
    assert store.find(own_toy.stack.data_dir) != living
    assert own_toy.note("change", "saved")["times"] == 1


def test_one_stack_per_data_directory(own_toy: Toy) -> None:
    again = local("serve", "--port", "0", "--data-dir", str(own_toy.stack.data_dir), "--template", str(TOY))
    assert again.returncode == 1
    assert "another stack runs" in again.stderr


def test_fresh_forgets_everything_but_touches_no_foreign_directory(tmp_path: Path) -> None:
    with running_stack(tmp_path, template=TOY) as stack:
        first = stack.credentials["org_id"]
    with running_stack(tmp_path, template=TOY, arguments=["--fresh"]) as stack:
        assert stack.credentials["org_id"] != first
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("x")
    refused = local("serve", "--fresh", "--port", "0", "--data-dir", str(foreign), "--template", str(TOY))
    assert refused.returncode == 1
    assert "thesis.tex" in refused.stderr
    assert (foreign / "thesis.tex").exists()


def test_the_commands_say_what_runs_fire_and_stop(own_toy: Toy) -> None:
    data_dir = ["--data-dir", str(own_toy.stack.data_dir)]
    assert own_toy.stack.base_url in local("status", *data_dir).stdout
    assert "2026-02-01T00:00:00Z" in local("fire", "Nightly", "--time", "2026-02-01T00:00:00Z", *data_dir).stdout
    assert local("fire", "Nightly", "--time", "2026-02-01T00:00:00", *data_dir).returncode == 2
    assert local("stop", *data_dir).returncode == 0
    assert own_toy.stack.process.wait(30) == 0
    refused = local("status", *data_dir)
    assert refused.returncode == 1
    assert "no stack is running" in refused.stderr
