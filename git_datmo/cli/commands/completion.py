"""git datmo completion."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Prints the script that completes 'git datmo' and its verbs, options and arguments in a shell.
Save it where the shell looks for scripts, once, and again after an update.

bash: ~/.local/share/bash-completion/completions/git-datmo zsh: a file named _git-datmo in a
folder of $fpath fish: ~/.config/fish/conf.d/git-datmo.fish"""
EXAMPLES = """
git datmo completion bash > ~/.local/share/bash-completion/completions/git-datmo
git datmo completion zsh > ~/.zfunc/_git-datmo
git datmo completion fish > ~/.config/fish/conf.d/git-datmo.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.completion import write_script

    # One line at a time: a line end within a text would not reach the terminal.
    for line in write_script(options.shell).rstrip().split("\n"):
        console.print(line)
    return 0
