"""The `git datmo completion` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Print a script that completes 'git datmo' with its verbs, options and arguments in a shell. Save
it once in the folder that your shell reads, and again after each update.

For bash, save it as ~/.local/share/bash-completion/completions/git-datmo. For zsh, save it as
_git-datmo in a folder of $fpath. For fish, save it as ~/.config/fish/conf.d/git-datmo.fish."""
EXAMPLES = """
git datmo completion bash > ~/.local/share/bash-completion/completions/git-datmo
git datmo completion zsh > ~/.zfunc/_git-datmo
git datmo completion fish > ~/.config/fish/conf.d/git-datmo.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo completion` to its parser."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="a shell")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the completion script of a shell, and return 0."""
    from git_datmo.cli.completion import write_script

    # One line at a time: a line end within a text would not reach the terminal.
    for line in write_script(options.shell).rstrip().split("\n"):
        console.print(line)
    return 0
