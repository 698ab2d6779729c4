"""``aioxide completion SHELL``: scripts for bash, zsh and fish.

A script completes commands, options, numbers of processes that have a console, and files. It starts
no Python, so that completing takes no time.
"""

from __future__ import annotations

from ._programs import BadCommandLineError

__all__ = ("completion",)

_BASH = r"""# bash completion of aioxide. Put it into your .bashrc:
#   eval "$(aioxide completion bash)"
_aioxide_consoles() {
    local path
    for path in "${XDG_RUNTIME_DIR:-/nonexistent}"/aioxide/*.sock /tmp/aioxide-"$UID"/*.sock; do
        [[ -S $path ]] && path=${path##*/} && printf '%s\n' "${path%.sock}"
    done
}
_aioxide() {
    local current=${COMP_WORDS[COMP_CWORD]} index=1 word command=
    COMPREPLY=()
    # A program of the command line completes its own arguments by files.
    while ((index < COMP_CWORD)); do
        word=${COMP_WORDS[index]}
        case $word in
            @COMMANDS_OR@) ((index == 1)) && command=$word || return ;;
            -o) [[ $command == trace ]] && ((index++)) ;;
            -*|=) [[ $command == @TAKING@ || $word != -[mc]* ]] || return ;;
            *) [[ $command == @NO_PROGRAM@ || ${COMP_WORDS[index-1]} == = ]] || return ;;
        esac
        ((index++))
    done
    case $command in
        trace) word="@OPTIONS@ -o"
            ((COMP_CWORD == 2)) && word+=" convert"
            COMPREPLY=($(compgen -W "$word" -- "$current")) ;;
        '') COMPREPLY=($(compgen -W "@OPTIONS@" -- "$current"))
            ((COMP_CWORD == 1)) && COMPREPLY+=($(compgen -W "@COMMANDS@" -- "$current")) ;;
        ps) word="--json --sort= --filter= $(_aioxide_consoles)"
            COMPREPLY=($(compgen -W "$word" -- "$current")) ;;
        tree) COMPREPLY=($(compgen -W "--json $(_aioxide_consoles)" -- "$current")) ;;
        top) COMPREPLY=($(compgen -W "--web $(_aioxide_consoles)" -- "$current")) ;;
        completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")) ;;
    esac
}
complete -o default -F _aioxide aioxide
"""

_ZSH = r"""#compdef aioxide
# zsh completion of aioxide. Put it into your .zshrc, after compinit:
#   eval "$(aioxide completion zsh)"
_aioxide_consoles() {
    local -a pids
    pids=(${XDG_RUNTIME_DIR:-/nonexistent}/aioxide/*.sock(N=:t:r) /tmp/aioxide-$UID/*.sock(N=:t:r))
    _values 'process' $pids
}
_aioxide() {
    local -a commands options
    commands=(@COMMANDS_ZSH@)
    options=(@OPTIONS_ZSH@)
    if (( CURRENT == 2 )); then
        _describe -o 'option' options
        _describe 'command' commands
        _files
        return
    fi
    case $words[2] in
        trace) (( CURRENT == 3 )) && _values 'command' convert
           [[ CURRENT -eq 3 || $words[CURRENT-1] == --* ]] &&
               _describe -o 'option' options
           _files ;;
        ps) _arguments '--json[print JSON]' '--sort=[order]:order:(@SORTS@)' \
                '--filter=[part of name, coroutine or state]:text:' '*:process:_aioxide_consoles' ;;
        tree) _arguments '--json[print JSON]' '*:process:_aioxide_consoles' ;;
        top) _arguments '--web[serve a page on loopback]' '*:process:_aioxide_consoles' ;;
        completion) _values 'shell' bash zsh fish ;;
        *) if [[ $words[CURRENT-1] == -* && $words[CURRENT-1] != -[mc]* ]]; then
               _describe -o 'option' options
           fi
           _files ;;
    esac
}
(( $+functions[compdef] )) && compdef _aioxide aioxide
"""

_FISH = r"""# fish completion of aioxide. Put it into ~/.config/fish/completions/aioxide.fish:
#   aioxide completion fish > ~/.config/fish/completions/aioxide.fish
function __aioxide_consoles
    for folder in $XDG_RUNTIME_DIR/aioxide /tmp/aioxide-(id -u)
        for path in $folder/*.sock
            string replace -r '.*/(.*)\.sock$' '$1' -- $path
        end
    end
end
function __aioxide_first
    test (count (commandline -opc)) -eq 1
end
function __aioxide_before_program
    for word in (commandline -opc)[2..]
        string match -q -- '--*' $word; or return 1
    end
end
function __aioxide_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end
@COMMANDS_FISH@
@OPTIONS_FISH@
complete -c aioxide -n '__aioxide_is trace' -s o -r -d 'file to write'
complete -c aioxide -n '__aioxide_is trace; and test (count (commandline -opc)) -eq 2' -a convert
@OPTIONS_TRACE_FISH@
complete -c aioxide -n '__aioxide_is ps tree top completion' -f
complete -c aioxide -n '__aioxide_is ps tree' -l json -d 'print JSON'
complete -c aioxide -n '__aioxide_is ps' -l sort -x -a '@SORTS@' -d 'order'
complete -c aioxide -n '__aioxide_is ps' -l filter -x -d 'part of name, coroutine or state'
complete -c aioxide -n '__aioxide_is top' -l web -d 'serve a page on loopback'
complete -c aioxide -n '__aioxide_is ps tree top' -a '(__aioxide_consoles)' -d 'process'
complete -c aioxide -n '__aioxide_is completion' -a 'bash zsh fish'
"""

_SORTS = "age busy idle longest name scheduled steps"

_COMMANDS = {
    "trace": "run a program and write what its loops did",
    "ps": "tasks of a process",
    "tree": "tasks below the one that made them",
    "top": "live view",
    "completion": "print a completion script",
}
#: Commands that take no program.
_NO_PROGRAM = ("ps", "tree", "top", "completion")

_OPTIONS = {
    "--watch": "report what blocks the loop",
    "--watch=": "report what blocks it for longer than milliseconds",
    "--record": "keep the last events",
    "--console": "let others look into the program",
    "--http": "native HTTP client",
    "--keep-loops": "do not replace other event loops",
    "--help": "print help",
    "--version": "print versions",
    "-m": "run a module",
    "-c": "run a string",
}


def completion(arguments: list[str]) -> int:
    """Print the completion script for a shell."""
    scripts = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
    if len(arguments) != 1 or arguments[0] not in scripts:
        given = " ".join(arguments) or "nothing"
        raise BadCommandLineError(f"completion takes one of {', '.join(scripts)}, not {given}")
    print(_filled(scripts[arguments[0]]), end="")
    return 0


def _filled(script: str) -> str:
    long_options = {name: text for name, text in _OPTIONS.items() if name.startswith("--")}
    values = {
        "COMMANDS_OR": "|".join(_COMMANDS),
        "NO_PROGRAM": f"@({'|'.join(_NO_PROGRAM)})",
        "TAKING": f"@({'|'.join(_NO_PROGRAM)})",
        "COMMANDS": " ".join(_COMMANDS),
        "OPTIONS": " ".join(_OPTIONS),
        "SORTS": _SORTS,
        "COMMANDS_ZSH": " ".join(f"'{name}:{text}'" for name, text in _COMMANDS.items()),
        "OPTIONS_ZSH": " ".join(f"'{name}:{text}'" for name, text in _OPTIONS.items()),
        "COMMANDS_FISH": "\n".join(
            f"complete -c aioxide -n __aioxide_first -a {name} -d '{text}'"
            for name, text in _COMMANDS.items()
        ),
        "OPTIONS_FISH": "\n".join(
            f"complete -c aioxide -n __aioxide_before_program -l {name[2:]} -d '{text}'"
            for name, text in long_options.items()
            if not name.endswith("=")
        ),
        "OPTIONS_TRACE_FISH": "\n".join(
            f"complete -c aioxide -n '__aioxide_is trace' -l {name[2:]} -d '{text}'"
            for name, text in long_options.items()
            if not name.endswith("=") and name not in ("--help", "--version")
        ),
    }
    for name, value in values.items():
        script = script.replace(f"@{name}@", value)
    return script
