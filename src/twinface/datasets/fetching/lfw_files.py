"""Where LFW's archives and lists can be downloaded, with their published checksums.

The official host, vis-www.cs.umass.edu, stopped answering in early 2025, so scikit-learn's copies at figshare come
first. Every file is checked against its checksum, so a mirror is as good as the official host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twinface.datasets.fetching.download import RemoteFile

_FIGSHARE = "https://ndownloader.figshare.com/files/"
_OFFICIAL = "http://vis-www.cs.umass.edu/lfw/"
_ARCHIVED = "https://web.archive.org/web/2020id_/" + _OFFICIAL

# Layout → archive. The SHA-256 are from scikit-learn's sklearn/datasets/_lfw.py, the MD5 is from torchvision's
# torchvision/datasets/lfw.py.
LFW_ARCHIVES: Mapping[str, RemoteFile] = {
    "funneled": RemoteFile(
        "lfw-funneled.tgz",
        "sha256:b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
        (_FIGSHARE + "5976015", _OFFICIAL + "lfw-funneled.tgz"),
    ),
    "original": RemoteFile(
        "lfw.tgz",
        "sha256:055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        (_FIGSHARE + "5976018", _OFFICIAL + "lfw.tgz"),
    ),
    "deep-funneled": RemoteFile(
        "lfw-deepfunneled.tgz",
        "md5:68331da3eb755a505a502b5aacb3c201",
        (_OFFICIAL + "lfw-deepfunneled.tgz", _ARCHIVED + "lfw-deepfunneled.tgz"),
    ),
}
# The lists of people are rebuilt from the pictures (`lfw.rebuilt_lists`); they are downloaded only where that fails.
LFW_LISTS: Sequence[RemoteFile] = (
    RemoteFile(
        "pairsDevTrain.txt",
        "sha256:1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
        (_FIGSHARE + "5976012", _OFFICIAL + "pairsDevTrain.txt"),
    ),
    RemoteFile(
        "pairsDevTest.txt",
        "sha256:7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
        (_FIGSHARE + "5976009", _OFFICIAL + "pairsDevTest.txt"),
    ),
    RemoteFile(
        "pairs.txt",
        "sha256:ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
        (_FIGSHARE + "5976006", _OFFICIAL + "pairs.txt"),
    ),
    RemoteFile(
        "peopleDevTrain.txt",
        "sha256:2e58df13ba4cc143189336e001cc2c195f1dfa5b29a6475c02857be353c2a2fa",
        (_OFFICIAL + "peopleDevTrain.txt", _ARCHIVED + "peopleDevTrain.txt"),
    ),
    RemoteFile(
        "peopleDevTest.txt",
        "sha256:c3ed1f90499473401542101a56c14c1d82396bb8218c67a356d7460601047555",
        (_OFFICIAL + "peopleDevTest.txt", _ARCHIVED + "peopleDevTest.txt"),
    ),
    RemoteFile(
        "people.txt",
        "sha256:bc8fa2b7f25c895cf7efb6de4f4fc27ca8b8d1cfa63350ad8b96eae2b198d365",
        (_OFFICIAL + "people.txt", _ARCHIVED + "people.txt"),
    ),
)
