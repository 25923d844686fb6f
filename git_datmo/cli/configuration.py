"""Tables of configuration keys and exit codes for the manual."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfigKey:
    """Key of git's configuration that git-datmo reads.

    `default` is the default value in words. `<remote>` in a name stands for a remote's name or URL.
    """

    name: str
    default: str
    text: str

    @property
    def paragraph(self) -> str:
        """Return the paragraph of the manual page."""
        return f"{self.text} Default: {self.default}."


KEYS = [
    ConfigKey(
        "datmo.engine", "docker", "The engine of 'reproduce' without --engine: docker or venv."
    ),
    ConfigKey(
        "datmo.baseImage", "python:X.Y-slim", "The image that generated Dockerfiles start from."
    ),
    ConfigKey(
        "datmo.trust", "false", "Rerun snapshots of others outside a container without asking."
    ),
    ConfigKey(
        "datmo.tolerance",
        "none",
        "NAME=X: the allowed difference of a metric or output in a rerun. You can set it several"
        " times.",
    ),
    ConfigKey(
        "datmo.index",
        "none",
        "An additional package index for rebuilding environments. You can set it several times.",
    ),
    ConfigKey(
        "datmo.contract",
        "warn",
        "'enforce' refuses a push if contracts do not fit, and makes warnings of contracts refuse a"
        " run.",
    ),
    ConfigKey(
        "datmo.feedbackLog",
        "none",
        "The folder in which 'serve' stores predictions, refusals and outcomes, relative to the top"
        " of the working tree.",
    ),
    ConfigKey(
        "datmo.variable",
        "none",
        "An environment variable to record with runs. You can set it several times.",
    ),
    ConfigKey(
        "datmo.runWithout",
        "false",
        "Run a command that names data which are not fetched.",
    ),
    ConfigKey(
        "datmo.notSecret",
        "none",
        "The id of a record that you may share although something in it looks like a secret.",
    ),
    ConfigKey(
        "datmo.share",
        "all",
        "The experiments that a push shares: all, or those of the pushed branch (branch).",
    ),
    ConfigKey("datmo.sign", "false", "Sign snapshots, receipts, drops and checks without --sign."),
    ConfigKey(
        "datmo.requireSigned",
        "false",
        "Place and rerun only snapshots, and obey only drops, that a trusted key signed.",
    ),
    ConfigKey(
        "datmo.timeout",
        "30",
        "The timeout in seconds for a silent remote or program.",
    ),
    ConfigKey(
        "datmo.checkoutLimit",
        "1024g",
        "The largest total size of payloads that one command writes.",
    ),
    ConfigKey(
        "datmo.folderLimit",
        "1000000",
        "The largest number of folders of payloads that one command writes.",
    ),
    ConfigKey(
        "datmo.trailer", "true", "Add the trailer Datmo-Data to commits that change payloads."
    ),
    ConfigKey(
        "datmo.ignoredLimit",
        "10m",
        "The total size up to which a run stores files that it wrote in ignored folders.",
    ),
    ConfigKey(
        "datmo.untrackedLimit",
        "10m",
        "The largest untracked file that is stored with the code.",
    ),
    ConfigKey(
        "datmo.workerFolder",
        "~/.cache/git-datmo/workers",
        "The folder for the clones and environments of a cluster's worker.",
    ),
    ConfigKey(
        "datmo.hooksPath",
        "set by init",
        "The folder with your own hooks, which the hooks of git-datmo call. 'git datmo init' sets"
        " it.",
    ),
    ConfigKey(
        "datmo.protocolAllow",
        "set by init --helper",
        "Whether 'git datmo init --helper' set 'protocol.datmo.allow', so that 'git datmo init"
        " --remove' unsets it.",
    ),
    ConfigKey(
        "datmo.<remote>.slice",
        "a 20th of the share, from 32m to 512m",
        "The size of one push of a large share.",
    ),
    ConfigKey(
        "datmo.<remote>.namespace",
        "found by trying",
        (
            "The beginning of the shared refs on the remote: refs/datmo, refs/notes/git-datmo, "
            "refs/heads/git-datmo, or another name that ends in /git-datmo."
        ),
    ),
    ConfigKey(
        "datmo.<remote>.atomic",
        "found by trying",
        "Whether the remote can move several refs together.",
    ),
    ConfigKey(
        "datmo.<remote>.filter",
        "as the remote advertises",
        "Whether to ask the remote to leave out objects.",
    ),
    ConfigKey(
        "datmo.<remote>.wantsById",
        "as the remote advertises",
        "Whether to ask the remote for objects by id.",
    ),
    ConfigKey(
        "datmo.<remote>.pause",
        "15",
        "Seconds to wait when the remote limits the rate of requests.",
    ),
    ConfigKey(
        "datmo.<remote>.store",
        "the remote itself",
        (
            "The store for the payloads of a remote: another git remote, a folder, s3://BUCKET/PATH,"
            " sftp://HOST/PATH, "
            "lfs+https://SERVER, or another URL that fsspec knows. You can set it several times:"
            " git-datmo"
            " pushes to the last one, and fetches from all."
        ),
    ),
    ConfigKey(
        "remote.<name>.vcs",
        "none",
        "The value datmo lets git reach the remote through git-remote-datmo. 'git datmo init"
        " --helper' sets it.",
    ),
]
EXITS = [
    ("0", "Success."),
    ("1", "A check failed: the rerun is different, a signature is bad, the store is damaged."),
    (
        "2",
        (
            "Incomplete: an object is not available locally or on any configured remote, or a merge"
            " needs your decision."
        ),
    ),
    ("125", "'run' could not record the run. Otherwise 'run' exits with the code of its command."),
    ("128", "Fatal error. The first line says what is wrong, the hint says what to do."),
    ("129", "Invalid command line."),
    ("130", "You interrupted the command with Ctrl-C."),
    ("141", "The program that read the output closed its end of the pipe."),
    ("143", "A signal ended the command."),
]
