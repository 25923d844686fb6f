"""Test that hostile data are refused or reported, in bounded memory and without a traceback."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from sklearn.datasets import load_sample_images

from git_datmo.contract_checks.check_file import check_file
from git_datmo.contracts.check_files import check_files, infer_files
from git_datmo.contracts.contract_types import Field, FileRule, Table
from git_datmo.contracts.infer_contract import make_contract
from git_datmo.contracts.media_files import look_at_media
from git_datmo.contracts.table_readers import json_lines_table, parquet_table
from git_datmo.contracts.table_readers.array_files import read_arrays
from git_datmo.errors import DatmoError
from tests.support.contract_data import check, infer, make, refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"a,b\n1,\x002\n", "NUL byte at byte 6"),
        (b"a,a\n1,2\n", "two columns named 'a'"),
        (b"a,b\n\xff\xfe,2\n", "is not UTF-8"),
        (b"\xff\xfea,b\n1,2\n", "is not UTF-8"),
        (b'a,b\n1,"' + b"x\n" * 5_000_000, "a quote that never ends"),
        (b"a\n" + b"x" * 9_000_000 + b"\n", "longer than 4 MiB"),
        (b"x" * 2_000_000, "longer than 1 MiB"),
        (b",".join(b"c%d" % number for number in range(20_001)), "at most 20000"),
    ],
    ids=["empty", "nul", "names", "utf8", "utf16", "quote", "row", "header", "columns"],
)
def test_broken_csv_is_refused_with_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DatmoError, match=message):
        check(path, make(Field("a")))


@pytest.mark.parametrize("end", ["", '"last"\n'])
def test_rows_around_a_long_one_are_checked_once(tmp_path: Path, end: str) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{number},{'x' * 100}\n" for number in range(30_000))
    # The long row follows blocks that were read, and a malformed row in one of them.
    path.write_text(f"id,text\nmalformed\n{rows}-1,{'y' * 3_000_000}\n-2,z\n{end}", "utf-8")
    fields = Field("id", logical_type="integer", minimum=0, is_unique=True), Field("text")
    result = check(path, make(*fields))
    assert result.rows == 30_002
    assert refused(result) == [("", "row", 2 if end else 1), ("id", "minimum", 2)]
    assert result.findings[-1].rows == ((30_001, "-1"), (30_002, "-2"))


def test_ragged_rows_are_reported_and_others_checked(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\nx,5\n4,5,6\n", "utf-8")
    result = check(path, make(Field("a", logical_type="integer"), Field("b")))
    assert refused(result) == [("", "row", 2), ("a", "type", 1)]
    assert "1 fields instead of 2: 3" in result.findings[0].rows[0][1]
    with pytest.raises(DatmoError, match="2 rows are malformed"):
        infer(path)


def test_not_a_number_and_infinities_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"x": [1.0, float("nan"), float("inf")]}), path)
    result = check(path, make(Field("x", logical_type="number", is_required=True, maximum=5)))
    found = {(f.level, f.rule, f.count) for f in result.findings}
    assert found == {("refuse", "required", 1), ("warn", "finite", 1), ("refuse", "maximum", 1)}


@pytest.mark.parametrize("damage", ["cut", "header", "page"])
def test_broken_parquet_is_refused_with_reason(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"x": list(range(5000))}), path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        content = content[:-20]
    elif damage == "header":
        content[:] = b"PAR1" + bytes(100) + b"PAR1"
    else:
        content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    with pytest.raises(DatmoError, match="not readable Parquet"):
        check(path, make(Field("x")))


def test_parquet_that_expands_out_of_proportion_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "UNPACKED", 1 << 20)
    path = tmp_path / "t.parquet"
    text = pa.array(["x" * 100_000] * 100)
    table = pa.table({"x": text})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    with pytest.raises(DatmoError, match="far more than its size"):
        check(path, make(Field("x")))


def test_hostile_json_lines_are_refused_or_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n' + "[" * 100_000 + '\n{"a": 1' + "0" * 5000 + "}\n", "utf-8")
    assert refused(check(path, make(Field("a", is_optional=True)))) == [("", "row", 2)]
    monkeypatch.setattr(json_lines_table, "LONGEST_LINE", 1000)
    with pytest.raises(DatmoError, match="has a line longer than"):
        check(path, make(Field("a")))


@pytest.mark.timeout(60)
def test_catastrophic_pattern_needs_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "a" * 100_000 + "!,1\n", "utf-8")
    result = check(path, make(Field("a", pattern="^(a+)+$"), Field("b", pattern=r"(x)\1")))
    assert refused(result) == [("a", "pattern", 1)]
    assert [f.field for f in result.findings if f.level == "unchecked"] == ["b"]


def test_array_file_that_promises_more_than_it_has_is_refused(tmp_path: Path) -> None:
    npy = tmp_path / "t.npy"
    np.save(npy, np.zeros(3))
    npy.write_bytes(npy.read_bytes().replace(b"(3,)", b"(9,)"))
    tensors = tmp_path / "t.safetensors"
    header = json.dumps({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode()
    tensors.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    huge = tmp_path / "huge.safetensors"
    huge.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    archive = tmp_path / "t.npz"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x.npy", npy.read_bytes())
    for path in (npy, tensors, huge, archive):
        with pytest.raises(DatmoError, match=r"promises|outside the file|not a safetensors file"):
            read_arrays(str(path), path.name)


def save_photos(folder: Path) -> Path:
    folder.mkdir()
    for number, photo in enumerate(load_sample_images().images):
        Image.fromarray(photo).resize((64, 42)).save(folder / f"{number}.png")
    return folder


def test_sample_photos_pass_and_greyscale_copy_does_not(tmp_path: Path) -> None:
    folder = save_photos(tmp_path / "photos")
    table = infer_files("photos", str(folder), "photos")
    assert table.files == FileRule(("image/png",), (64, 42), (64, 42), (3,))
    contract = make_contract("photos", ("photos",), (table,))
    assert list(check_files(contract, table, str(folder), "photos")) == []
    Image.open(folder / "0.png").convert("L").save(folder / "grey.png")
    Image.open(folder / "0.png").resize((32, 32)).save(folder / "small.jpg")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:900])
    found = {f.rule: f for f in check_files(contract, table, str(folder), "photos")}
    assert found["channels"].rows[0][1] == "grey.png: 1 channel"
    assert found["size"].rows[0][1] == "small.jpg: 32 x 32 pixels"
    assert found["mediaTypes"].rows[0][1] == "small.jpg: image/jpeg"
    assert found["decodable"].message == "1 file does not decode"


def test_image_that_declares_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.new("L", (1, 1)).save(small)
    content = bytearray(small.read_bytes())
    for sides in ((20_000, 8_000), (2_000_000, 2_000_000)):
        content[16:24] = struct.pack(">II", *sides)
        # The checksum of the header is after its 13 bytes.
        import zlib

        content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
        bomb = tmp_path / "bomb.png"
        bomb.write_bytes(content)
        assert "too many" in look_at_media(str(bomb), "bomb.png").problem


def test_sounds_are_decoded_or_known_by_their_header(tmp_path: Path) -> None:
    import wave

    sound = tmp_path / "a.wav"
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(4000))
    assert look_at_media(str(sound), "a.wav").channels == 2
    sound.write_bytes(sound.read_bytes()[:-100])
    assert look_at_media(str(sound), "a.wav").problem == "975 of 1000 frames are there"
    flac = tmp_path / "b.flac"
    flac.write_bytes(b"fLaC" + bytes(16) + bytes([0b0000_0010]) + bytes(20))
    media = look_at_media(str(flac), "b.flac")
    assert (media.media_type, media.channels, media.is_decoded) == ("audio/flac", 2, False)
    table = Table("sounds", files=FileRule(("audio/flac",)))
    (tmp_path / "a.wav").unlink()
    found = list(check_files(make_contract("s", (), (table,)), table, str(tmp_path), "s"))
    assert [each.level for each in found] == ["unchecked"]


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3, -1)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,}",
        "{'descr': '<f8', 'shape': (3",
        "",
    ],
)
def test_damaged_header_of_an_array_is_a_finding(tmp_path: Path, header: str) -> None:
    text = header.ljust(117).encode() + b"\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
    (tmp_path / "t.npy").write_bytes(start + text + bytes(24))
    found = check_file(tmp_path, make(Field("values")), "t.npy", str(tmp_path))
    assert [(each.level, each.rule) for each in found.findings] == [("refuse", "readable")]


def test_damaged_values_of_a_compressed_array_are_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez_compressed(path, x=np.arange(100_000.0))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 100] = bytes(100)
    path.write_bytes(content)
    found = check_file(tmp_path, make(Field("x")), "t.npz", str(tmp_path))
    assert [(each.level, each.rule) for each in found.findings] == [("refuse", "readable")]
