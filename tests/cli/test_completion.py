"""Completion in the shells themselves."""

import os
import shutil
import socket
import subprocess
import tempfile

import pytest

SHELLS = ("bash", "zsh", "fish")

BASH = r"""
eval "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_aioxide
printf '%s\n' "${COMPREPLY[@]}"
"""

# zsh completes only what is typed into a terminal: this types, and reads the list. The quotes in
# the two marks tell what is printed from the echo of what is typed.
ZSH = r"""
zmodload zsh/zpty
script=$1 line=$2
zpty shell zsh -f -i
zpty -w shell "PROMPT= ; stty -echo; cd $PWD"
zpty -w shell "autoload -Uz compinit; compinit -u -D"
zpty -w shell "zstyle ':completion:*' list-colors ''; LISTMAX=0"
zpty -w shell "setopt no_list_beep list_ambiguous"
# Shown at once: zsh leaves a list out while more is typed already.
zpty -w shell "complete-and-show() { zle complete-word; zle -R }"
zpty -w shell "zle -N complete-and-show; bindkey '^I' complete-and-show"
print -r -- $script > $PWD/_script
zpty -w shell "source $PWD/_script"
zpty -w shell "print READY-TO-''COMPLETE"
zpty -r shell out '*READY-TO-COMPLETE*'
zpty -n -w shell "$line"$'\t'
zpty -n -w shell $'\x15'
zpty -w shell "print END-OF-''COMPLETION"
zpty -r shell out '*END-OF-COMPLETION*'
print -r -- $out
zpty -d shell
"""

FISH = r"""
echo $argv[1] | source
complete -C $argv[2]
"""


@pytest.fixture(params=SHELLS)
def complete(request, aioxide, tmp_path):
    """Completes a command line in a real shell: ``complete("aioxide tr")`` gives the text."""
    shell = shutil.which(request.param)
    if shell is None:
        pytest.skip(f"{request.param} is not installed")
    script = aioxide("completion", request.param).stdout
    assert script

    def ask(line, **environment):
        words = line.split(" ")
        arguments = {
            "bash": ["--norc", "-c", BASH, "bash", script, *words],
            "zsh": ["-f", "-c", ZSH, "zsh", script, line],
            "fish": ["--no-config", "-c", FISH, script, line],
        }[request.param]
        finished = subprocess.run(
            [shell, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(tmp_path), "TERM": "dumb", **environment},
        )
        return finished.stdout

    return ask


def test_commands(complete):
    found = complete("aioxide t")
    assert "trace" in found
    assert "tree" in found
    assert "top" in found
    assert "completion" not in found


def test_options(complete):
    found = complete("aioxide --")
    for option in ("--watch", "--http", "--keep-loops"):
        assert option in found


def test_options_of_a_command(complete):
    found = complete("aioxide ps --")
    assert "--json" in found
    assert "--keep-loops" not in found


def test_options_under_trace(complete):
    found = complete("aioxide trace --")
    assert "--watch" in found
    assert "--json" not in found


def test_shells(complete):
    found = complete("aioxide completion ")
    for shell in SHELLS:
        assert shell in found


def test_processes_that_have_a_console(complete):
    folder = tempfile.mkdtemp(dir="/tmp")
    os.mkdir(os.path.join(folder, "aioxide"))
    try:
        with socket.socket(socket.AF_UNIX) as console:
            console.bind(os.path.join(folder, "aioxide", "4711.sock"))
            assert "4711" in complete("aioxide ps ", XDG_RUNTIME_DIR=folder)
    finally:
        shutil.rmtree(folder)


def test_arguments_of_the_program_are_its_own(complete, tmp_path):
    (tmp_path / "app.py").write_text("")
    assert "--keep-loops" not in complete("aioxide app.py --")


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_have_no_open_places(aioxide, shell):
    finished = aioxide("completion", shell)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "@" not in finished.stdout.replace("${COMPREPLY[@]}", "").replace("@(", "")


def test_every_option_of_the_help_is_completed(aioxide):
    import re

    options = set(re.findall(r"^ +(?:-\w, )?(--[\w-]+)", aioxide("--help").stdout, re.MULTILINE))
    script = aioxide("completion", "bash").stdout
    assert options
    assert not [option for option in sorted(options) if option not in script]
