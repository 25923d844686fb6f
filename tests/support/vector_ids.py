"""Hold the published ids, lines and cuts, which never change."""

from __future__ import annotations

import math
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"

CUTS = {
    "a": [162031, 80148, 888233, 319942, 348773, 629566, 347477, 192505, 158073, 18980],
    "limit": [287830, 303926, 97921, 352316, 6584],
    "odd": [301517, 222929, 647684, 772900, 152899],
    "zeros": [1048576, 1048576, 402848],
    "tail": [65601],
}

FOLDER_IDS = {
    "empty": (
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
    ),
    "small": (
        "25b5d3dd75ea5dbf9f4f12d5f0445a2532268397",
        "d5bce78107f08980886e26e0a8b945b567a3d400d2d140245d984b74fae9d46e",
    ),
    "names": (
        "47431d4fbf72d5905579ecaefe6d3f7feaed75ed",
        "20cc4e34e5c5fd53a7dbcdfb058506c225fb29da66e4d0c856b72091d2950922",
    ),
    "chunked": (
        "30d3e36bfa77ff45f68923709bc77fa0c629c92b",
        "b469e23e7548472585e5ab465d9628109801dd82dbfdf7963a8d7f2a6d1487bc",
    ),
    "256 files": (
        "e5c2c6a352b558700c4551250dfc1143094f2023",
        "1033ea382a84aca76ac1d3a3f4f29a83b711e6606e6cfcbd54b0521177c2fa6f",
    ),
    "257 files": (
        "257c54a10a44bb2e75bc2c2172d481a399d0a477",
        "73179d74ccd4ce288057378b162ed6b7cdf470ce48b96e069a0bdf80f01974a8",
    ),
    "5000 files": (
        "67e0f10ac4bdb3585525ece26cdfd0dfbc86a8a0",
        "e78414b1da43bc20a1c1dfd5c661da9965d40ce0ab5eac07a359cd3970fb3fa9",
    ),
}

CHUNK_TREE_IDS = {
    1_000: (
        "6a40d777da038e20a5a736d56b73ca8e5ce435c4",
        "c11c9acbe896724031b864c640298bef7268450e7269d97e8bdff46a71722015",
    ),
    60_000: (
        "739a79cad032211e55dba15c697f97d88a146e4f",
        "844e659fbe10a9d91e18df73a60687894d18d3407ff6b66c7e0b8482b28308b2",
    ),
}

RECORD_LINES = {
    "snapshot": "3a250484ded3a3cca4877689efaa4d19806e9c5c snapshot"
    " 'Lauf №1' accuracy=0.951111 loss=NaN n=3 score=1 (uncommitted changes) data/ä b (2 bytes) model.bin (1.50 MiB)",
    "receipt": "798c3fe5ed454124a4c8f8805c0d34ebcc1c2b8b receipt within tolerance by Ada Ångström",
    "image": "f3224abf2b86af2f042524843068492c6c72f09b image linux/amd64 frozen by Ada Ångström (125.00 MiB)",
    "feedback": "bf011f04e62948b162590d4b90d5b54ab3520960 feedback 12 predictions, 0 refusals, 1 outcome (2.00 KiB)",
    "annotation": "9eba1d88ade6d3b463b106be00a4c4687d095d12 annotation use this one",
    "drop": "fb276217eed3a5b22ff63d287d31974f3180d7e5 drop 1 dropped said in haste",
    "check": "614c3439c8014c71c2e9ec1ba220770be09637f1 check contracts/faces.odcs.yaml broken",
    "test": "a19fae4225f8cf11690eebd0cb82fd95b697cd8f test failed: 1 test by Ada Ångström",
}

# Annotations with a type, an answer to the first one, and changed tags.
ANNOTATION_LINES = {
    "hypothesis": "7b0d3e07d08fbaeee6e7abe6529d79897943b15d annotation hypothesis: less is more",
    "result": "eaf73388a59f5c733798e62ccd4b65acbaf689f7 annotation result: loss 0.1 <b>& second line",
    "decision": "326779388bdb0f788e8ccd4368b5c61a20f4e179 annotation decision: keep it +paper/table-2 +v1.0",
    "comment": "65da9e30266ea33a1961497eb8e9c266349f193f annotation comment: für wen?",
    "tags": "deba72599d6242c64ab107fbbcb7d85006d69ef4 annotation +best +team-blue -candidate",
}

# A snapshot of a run that was tracked and killed; its keep commit; and the curve of the page.
TRACKED_LINE = (
    "7972a16082e54e46f570707edcdfcf49ae596f36 snapshot"
    " 'Lauf №2' accuracy=0.951111 loss=NaN (uncommitted changes) data/ä b (2 bytes) model.bin (1.50 MiB)"
)

TRACKED_KEEP_ID = "b8699e07351d10d7b2647a8ba807dd4b68bd549b"
CURVE_POINTS = ((0.5, 0.0, 1_000_000), (math.nan, 1.0, 1_000_250), (0.25, 2.0, 1_000_500))
CURVE_ID = "d6dce0cc0f7d72f4188d7fa5cd0e5c806e9c03f3"
# The keep commit of the snapshot above, and the link whose parents are a commit of all ones and
# that keep commit.
NEWER_ID = "3039a76a8d210ec4a07c5d11d8afbfa22ab3e085"
NEWER_KEEP_ID = "9096bb634b5dfd5ff7d4eb6ef6333f47563e1d53"
KEEP_ID = "422bce4676ba65b97c9be67ae043f57deb7279e7"
LINK_ID = "5f7a46ef76711aeb4d9587cd4bd7d120738bdecc"

# A link without parents.
FIRST_LINK_IDS = (
    "3670f115381528ccb2a6365b228d6ca26a6de1bc",
    "afbab160fdc04435c2821116b8306b1cd590dd839b1bec8d6db655be3a8e1a57",
)

# The part of the blobs of the numbers from 0 to 299; the link that ties it to that, and the one by
# which it has served.
PART_IDS = (
    "6dad5ac5fdd3a9f4f90f37e4ac1a1c65f96ced76",
    "5101cb5df2cb31db2c67567f1a828528f394fd18",
    "45317633d5b77ab2902f5f7fb14fa930de250f55",
)

# Each folder of `environments` is one; it is named by its version.
ENVIRONMENTS = {
    folder.name: {path.name: path.read_bytes() for path in folder.iterdir()}
    for folder in (GOLDEN / "environments").iterdir()
}

ENVIRONMENT_IDS = {
    "1": "8b3ae7fad0e72e308ac245df844effff5a813439cd327c05d386221b0586b162",
    "2": "1abd5677bb8e890b46c7a4d3808e882d8e05d9a0f3647c37d060ce3579ba5351",
    "3": "df76d62826fcf1ad97cc6df4e1f8c538e4e8306199a1ccf20ad029b4bf5ecc8b",
}

ENVIRONMENT_OBJECT = "0d6e8f57f74e593cb0d6162e194994a038e83a68"
# The format marker of this version.
MARKER_ID = "5dec15cf6b016fcc9dda6f349745145b2cd1482a"
# The ids for the commit trailer: of the payloads of the snapshot above, and of none.
DATA_IDS = ("77c7b2b9002306cbf9a2c9a5e03707fe973fd038", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4")


def record_bytes(kind: str) -> bytes:
    return (GOLDEN / "records" / f"{kind}.json").read_bytes()
