"""Play the loop: train, serve, learn from feedback, test, and deploy by a push."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from git_datmo.cli.console import Console
from git_datmo.cli.demo_stage import BackgroundCommand, DemoPerson, Stage, find_example, open_stage


def play_loop(console: Console, *, folder: str, engine: str, keep: bool) -> int:
    """Play the loop and return 0; raise `DatmoError` if a command fails.

    `folder` is '' for a temporary folder, which `keep` keeps. `engine` serves and tests the models;
    '' is `host`. Raises `UsageError` if the libraries of the server are not installed.
    """
    from git_datmo.serving.front_server import require_libraries

    require_libraries()
    example = find_example("prices")
    with open_stage(console, folder, keep=keep) as stage:
        _Loop(stage, engine or "host").tell(example)
    return 0


class _Loop:
    """The two people of the loop, their clones, and the steps."""

    def __init__(self, stage: Stage, engine: str) -> None:
        self.stage, self.engine = stage, engine
        self.hub, self.one, self.two = (
            stage.base / name for name in ("hub.git", "alex", "ignacio")
        )
        self.alex: DemoPerson = stage.person("Alex")
        self.ignacio: DemoPerson = stage.person("Ignacio")
        self.python = Path(sys.executable).name

    def tell(self, example: Path) -> None:
        """Run all commands, with an explanation before each step."""
        self._train(example)
        self._clone()
        follow = f"git datmo serve --follow origin/main --every 1 --engine {self.engine} --trust"
        with self.ignacio.running(self.two, f"{follow} --port 0 --log events") as server:
            url = "http:" + server.wait_for("serving snapshot").rpartition("http:")[2]
            self._ask(url)
            self._share_feedback()
            self._learn()
            self._deploy(server)
            self._ask_again(url)

    def _train(self, example: Path) -> None:
        run, one = self._alex, self.one
        self.stage.say("Alex has code, sales of flats, and a git host: here a bare repository.")
        self.alex.run(self.stage.base, f"git init -q --bare {shlex.quote(str(self.hub))}")
        self.alex.run(self.stage.base, f"git clone -q {shlex.quote(str(self.hub))} alex")
        # Installers compile the files of the package, examples included.
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(example, one, ignore=compiled, dirs_exist_ok=True)
        run("git datmo init")
        run("git datmo add-data data/sales.csv data/held-out.csv")
        run("git add .")
        run('git commit -q -m "Learn prices of flats"')
        run(f'git datmo run -m "first model" -- {self.python} train.py data/sales.csv')
        self.stage.say("The contract describes the model's inputs and answers, and has a gate.")
        run("git datmo contract show contracts/prices.odcs.yaml")
        run("git push -q -u origin main")

    def _clone(self) -> None:
        self.stage.say(
            "Ignacio serves the model. The server follows main, and stores its predictions."
        )
        source = shlex.quote(f"datmo::{self.hub}")
        self.ignacio.run(self.stage.base, f"git clone -q {source} ignacio")

    def _ask(self, url: str) -> None:
        self.stage.say(
            "Customers ask. The model knows no sales in Bergen; the contract has no area of 0."
        )
        self._ignacio(f"{self.python} ask.py {url} flats.csv labels.csv")

    def _share_feedback(self) -> None:
        self.stage.say("The flats are sold: the prices join the predictions, as outcomes.")
        self._ignacio("git datmo feedback add labels.csv --log events")
        self._ignacio("git datmo feedback status --log events")
        self.stage.say("Events become a record on the commit that was served. A push shares it.")
        self._ignacio("git datmo feedback collect --log events")
        self._ignacio("git push -q")

    def _learn(self) -> None:
        run = self._alex
        self.stage.say("Alex pulls, makes data of the feedback, and trains again on a branch.")
        run("git pull -q")
        run("git switch -q -c feedback")
        run("git datmo feedback take data/feedback.csv")
        run('git datmo commit -q -m "Learn from flats that were sold"')
        run(
            f'git datmo run -m "with feedback" -- {self.python} train.py data/sales.csv'
            " data/feedback.csv"
        )
        self.stage.say("The new model must be as good as the one of main, on sales held out.")
        run(f"git datmo test --engine {self.engine} --against origin/main")

    def _deploy(self, server: BackgroundCommand) -> None:
        self.stage.say("It passed, so she merges. The push deploys.")
        self._alex("git switch -q main")
        self._alex("git merge -q feedback")
        self._alex("git push -q")
        self.stage.say("Ignacio's server sees the push, and loads the new model beside the old.")
        server.wait_for("now serving snapshot")

    def _ask_again(self, url: str) -> None:
        self.stage.say("The same questions, answered by the new model.")
        self._ignacio(f"{self.python} ask.py {url} flats.csv")
        self.stage.say("The log says which feedback the model learned from.")
        self._alex("git datmo log -n 1")

    def _alex(self, line: str) -> None:
        self.alex.run(self.one, line)

    def _ignacio(self, line: str) -> None:
        self.ignacio.run(self.two, line)
