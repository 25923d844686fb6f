"""Test that a rerun fetches only the files that the run read, and all data where those do not
suffice."""

from __future__ import annotations

from random import Random

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell

MIB = 1 << 20

PROGRAM = """\
import json, os
total = len(open("data/small/a").read()) + (len(os.environ["MORE"]) if "MORE" in os.environ else 0)
if os.path.exists("data/large"):
    open("seen.txt", "w").write("large")
os.makedirs("out", exist_ok=True)
open("out/model.bin", "wb").write(bytes(1 << 20))
open("metrics.json", "w").write(json.dumps({"total": total}))
"""


def share_run(pair: Pair, program: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", "true")
    noise = Random(1)
    pair.alex.write("data/large", noise.randbytes(6 * MIB))
    pair.alex.write("data/small/a", "12345\n")
    pair.alex.write("data/small/b", noise.randbytes(MIB))
    pair.alex.write("unread.bin", noise.randbytes(6 * MIB))
    datmo(pair.alex, "add-data", "data", "unread.bin")
    pair.alex.commit("fit.py", program)
    datmo(pair.alex, "run", "--", "python", "fit.py")
    assert experiments(pair.alex)[0]["run"]["read"]["complete"] is True
    pair.alex.git("push", "-q", "origin", "main")


def cloned(pair: Pair, http_host: HttpHost) -> Shell:
    pair.top.git("clone", "-q", http_host.url(pair.hub.cwd), "ignacio")
    ignacio = pair.top.at("ignacio")
    datmo(ignacio, "init")
    ignacio.git("fetch", "-q")
    return ignacio


def test_rerun_with_complete_reads_fetches_only_read_files(pair: Pair, http_host: HttpHost) -> None:
    share_run(pair, PROGRAM.replace("data/large", "data/none"))
    ignacio = cloned(pair, http_host)
    start = len(http_host.exchanges)
    done = datmo(ignacio, "reproduce", "HEAD", "--engine", "host", "--trust", "--dir", "rerun")
    assert "verdict: identical" in done.stdout
    assert (ignacio.cwd / "rerun/data/small/a").is_file()
    assert not (ignacio.cwd / "rerun/data/large").exists()
    assert not (ignacio.cwd / "rerun/unread.bin").exists()
    assert sum(exchange.bytes_out for exchange in http_host.exchanges[start:]) < MIB


def test_rerun_that_differs_with_read_files_is_repeated_with_all_data(
    pair: Pair, http_host: HttpHost
) -> None:
    share_run(pair, PROGRAM)
    ignacio = cloned(pair, http_host)
    start = len(http_host.exchanges)
    done = datmo(ignacio, "reproduce", "HEAD", "--engine", "host", "--trust", "--dir", "rerun")
    assert "verdict: identical" in done.stdout
    assert "different with only the files that the run read: trying again with all" in done.stderr
    assert (ignacio.cwd / "rerun/data/large").is_file()
    assert (ignacio.cwd / "rerun/unread.bin").is_file()
    assert sum(exchange.bytes_out for exchange in http_host.exchanges[start:]) > 13 * MIB


def test_difference_with_all_data_is_the_verdict(pair: Pair, http_host: HttpHost) -> None:
    share_run(pair, PROGRAM)
    ignacio = cloned(pair, http_host).having(MORE="xyz")
    done = datmo(ignacio, "reproduce", "HEAD", "--engine", "host", "--trust", code=1)
    assert "verdict: different" in done.stdout
