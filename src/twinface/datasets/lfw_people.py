"""The official lists of people, rebuilt from the pictures alone.

The host that published LFW no longer answers, and we know no other public address of
peopleDevTrain.txt, peopleDevTest.txt and people.txt. But each of them only says which people, in the
order of their names, belong to a part, and how many pictures each has; the pictures tell everything
except the part. So five bits a person are enough to rebuild all three to the byte, which their
checksums prove.
"""

from __future__ import annotations

import base64

import numpy as np

from twinface.core.types import FaceSet
from twinface.datasets.lfw_lists import FOLDS

PEOPLE = 5749

# For each person by name, one digit to the base 20: twice the View 2 fold, plus one for DevTrain.
_PARTS = """
KYdVXPJC9tCkswEqRx5m/HOu/zt//joxgjlL8eLvFYxVC6A2H7cCWCQzq9n0+ObfsYYtuKfPMdcQjGkypsl8mVhFGzh+OL2MIVkX3U7OLPcY
FpPYQhzIIOFh+oONFLlLYS/DfNlwwbDD/pZiCUnXanDKAZs94trvDgoJHCi1rapDkp4nAg+FLa5PqSiTkHdNdIwv/u+Ce7Q83t919WhKSjwq
U4tPzzM6QbWkHmciGqffLejAEOuE9zhSqJk0i42CKbuaJHMCGglyAIwRG5XEcpdqcc89/NmVXPnqqh5gGq8c3NnTjoddN+lafZmG3EN5ZYLV
Bz0KKQKY4BS6fxEsB8md5W9wLpfjjEYAMu2Q9qFczdds2EOkKwsKTTgNbYRTiZZlfcgWpn7ENUcQ5NGup/xdgt3lwO+Wot66p1Gz3Yl11WPy
NXJCB2GTdPFzPOZHpCPnjVg+7eXmkZo+RaIEYtq6+RCOcrAHVfeh5Flp39Kf58BoZoIU5k5lb7EZHixqmhBpLdaa8+tXSVyfNrgdYtgrEgn5
37mTLKKecq2P4p2+Rblv1AnSGwjt9Ro925sS5USM+F7qK5id18/UmhGwD5LRlZ5Xu71+VMGax2j8upeoRiMTfG4LIlMraJ9VFFR0YsUyKHC4
lFxrn9zr4NYwpc2RzSozrx9CvTIm6yKuehuebhZ3tE2JAPpdb+gUGsdPP5J9JG7QVKHTTzbXxAUV99l8lQcEpjtqSzGIR8Tn6H0nC1fdopcl
qDuUufDMrzfJn2pKr73PG1fnnShOowwrU+YCx2SZlcAvSZ3Kdh1zIplGb6zBsN3yMTT/pWMXazYJyp7fFisA8TlJk71bk05MQvqqf+oq1gOS
r1AkTyolN3wFyDMxpG2+phAvUugcuyTo1xBrnIw2hhAd29q79torW3ySnw5jFbp8fHlZN9VbLnsWrw10EAOowdXkQdiOoGfLEemaTJgb789A
JkT8XNjdRkmELAYb4EyvsTksWRREVo7QoqARIc3RRjwyUw3hVYStxShGRZ/wzPAFszOpcr46d7vvBl8B0gKIe1/G393Vwq2t5LNQj3EofYFX
75lubZaUWJZq1X4vOjnIphCl+uHOVk6azWVrPlIPmipMGqO0J7ywZeF5xUp1UYw6/YrvyE03ypp9gc4nO/9DN2me1d42pdvhcwPOdolXEJ/5
zS0kwjv1ustDJ79OfZqo0KaZiewgjeiC/FQSCUDn8KQMlSjYajwU0YpplvNc34TPWiz+Qm2eq7ho0jSz8QHDzssKBsD+m26kXh2hDVA6lju3
CP0TSDDcfRe14n5s3wbs0I+C/3rB3L8iCqF83I3Uh0/5bCNbWBBZdn59TQ10G/mUC9kD/1o8WmdmJ5pFAN//52hvWu5wKXoJ6eMi49LI6TR7
MXH1Nz9eid7VRtppgeOmjv7iOYlTWDCSgHl66G5oKi3oxQVqDUtYO7yyNUUK7fYWw/hqKDZz+i3DSIgCFJUP/MYoVLGsEsvyq6lTumnMptKx
2zSRzeyXH1tN4n74cyC+Oows8GLCQ6ZTsMiIi7jZ4N+tsujfXNyD+TYuyg6D7bPg3829NbMRZxIoOeWgXLwk52qk2DxuwUDJEIGetCOkn5fL
5oypQwHFqSuccJTshh0MR98gZiGB+axKSb2nmGApHLPV5GzOAJKWUeMm3GmcAujfszPzt8uOIwdghYuR/bGp6OwI53ClP1rZlFqSAMprAXx2
Ot3NOR/nUfIawOzzOR2+O3eqmkc1SI9hDZNr+NKk+CxNSbb8GnPuqH0uk7DGfxLjbvH/ACGqBR+VF4jgYK+3MK4fWVtjSe6FGCZetA225DIq
tPedL151WhwK/JZ5MSu9ymkNmHX6UWPgLiHMXXX2XRYMciLTgqHa56H4t5Cl84STApwLbnV0FoCXdIZbZrBmexBlTtHBeJdRlqzdjAkWKr8e
gJcqXV8GQ6jIGeunihiXEy3uUZTGa6vAQQXHFcBGqtZkXxJ4e2020d+535RtH9hsAeJIE0nkrNRxj1k7G+OkCkcwgsCpvJaqCyKKhQtdJbEJ
rD1Hbil8Q7AfTDlRZnIv0pkNnoNdBYl6GmkElO93pSp2ESZn63zPPUkHSlfV1CAjjLGBXtjSspmT0Wwfe5cVE8DCY73BkFPEst+4lQpQoqpy
vsvBERfO+6gAgNCqS+b11fJDf4GYwhPEUuEixIPUfjw+SgZv16BjXk1qbq7RhfPbntDpLWwDmOOIrREv4DLmmnUXx2v1navk4KapI1B8WoM9
MjCWfvR+39HT4Bdw96bAdrc4KH6VYGywr7KICYuZPm8W27vOQPJSwXnmJs+RcqM0vbXCM3RH1Gd69Wk0RC5J+aytiY8q5s3KbE3/nnxNgMQ/
PjP2asVsvDe9A3m1SrZJO+LVwWSPNO5oPg1QBKUq/VFwXCgXfrYn538WSGlpQGOimZFhkAYec+zZ94Mxj6brfsV//ctqxysacuVkiwMqC5Af
vK2pojpCzJ7XNs7GFavQa+TIn11UcFfmW9Go6+dXhH4S3md5t3Ov799ypjuDSpaJQgmqjgOwZP2wCt4wAUw0Xgzfx/NlWyTZyzmw7nHNOm81
0V3qnp1sHEbtMc1kr5bULvuZPUnczr07Xdg/ILHmNRwJrvmpb98QzHVkGP87kd3QMzLGShU+BpMH0x+tHDWe/1ox74cbboq82dPFyCMHnGAW
Oaxzmhu28tIoUHV56LFMTK2c78D8MZc199W1I+tAUP2b/Og0ecbgCJMIf1AG9KAeU+lEnhaLiexhYGgrgBnOE2bT9c3hzhezeTN7D3mYMLbn
Ryy01nHPHngnrOJ9K3P+Uh+2FVE5DGy4OrPmp5GSzbd+wcKJeyxqqJLNvvjGTAi59jFPhK0wCuE5/JpNEEYDQu61SX0iOu0aOXLD157x1psJ
v8MIJHFBrMTXCeVXz4h9IH+3ZYT5Bl0XQbD/Sejmd+CcE1nOgxGtuHt46NogjYwiO9Q1sT79U0UV8/GYRBkqVyN8abgXbuaHdkIUdAHb2CeL
dygXNZZyjEafhZX+eEaEhDrwSXcbN7LKJ46TTHY0wQ6PN1Pnf3gu3wftowEZ2tewpMBcWofgj2bm92Y2m6ARM+20F5dkRyfYtUczGsNqaAh0
IPvhBNBXadB89iEBvpxBQLSvrHGyYLuQ/Irl5vsF1oeRPovt+H25EItF7emiZuYwWzVttuARTE+jI7Lyw5l3Hnt4uMapIpFEa3a3i/n5SUg+
6u56dplSFm0kcHrAKpzrLkkstHhuxBMh0Kr2PWtA8pjqcT+B1ul+Vblb/VsEwPg97nTb5miHKU/4T6qy712BrEu+sxpDmPP9JQAmuc2W624/
Kp9zISZhUQWyCW/LkOIne5uMvKj0+m28iWP3sEP5FgXhZaZVUfWloDNKUFvChet5RCTqFI2NvjBBedVlNvCi3YRbA+c6GyFkJvmJchVFcGib
pBc3QNduNdmUKMF+NcRG34Zr2BJ3a6hI6ICIfTEV4P7GNn/1r499SkRi+k01rjnrf2touaj84ZmO6n3EWOkLXeLS38qHnsBCMFRAQLzs91pF
VxDPuay0RgNIi7Nvwb9aUycYOd+rafd7iGc8DzVSupYpCBABffMZmj1/rwrZPzJIvfzhbMgmXS0KBbR/wI6v0IF/aNYDsRA0TAMVRCJwqj0N
9cySNkoTKrsClQEhQqx1UTgOQIBd84Nukrz2BIfTL9dyNxZMc5BZrTkkL7s95uKRuFyyGf51a/74WLyn1csdq9dmDtQL079+wEFaeqoNS0A2
vr0+E6q80BVCfsmFEstaI1x1aYyc9NF6Tp6+bkHXjV1/rdWS4mMiZ5PdBKxdjtqKMZF0AQ7ZfPjdNJesZUOOl0gS1sTFi4GvQhexJBmr29u0
9H6U41RvRpoherK+mD1UnjDr4GZIvsb1eP3UntRdG15J83wunf/iD5hY1bNg+wmYUjOUoZyPz2p3uwrmah7KOREKmr1AifCOhpJLW8T1DaL8
CrW3iZfjPM7NbEMyi/bEEmdrgq/ou+0XALqFpenVCjBSwnrwjDB+76O2kwNKFZ0aD+cNNGd6Ex38Oqh4oepxTiRQTisFaQkMnscJv5gpNyKZ
/4kNMS4oaLk/Wr/JaFem2sG6eMDqozamlTxO4Q==
"""


def rebuild_people_lists(faces: FaceSet) -> dict[str, bytes]:
    """File name → contents of the three people lists; empty where `faces` are not all people of LFW.

    Args:
        faces: every picture of a copy of LFW, people sorted by name. The caller compares checksums: a
            copy with pictures missing gives wrong counts.
    """
    if len(faces.names) != PEOPLE:
        return {}
    counts = np.bincount(faces.people).tolist()
    row_of = [f"{name}\t{count}\n" for name, count in zip(faces.names, counts, strict=True)]
    parts = _parts()

    def section(wanted: list[bool]) -> str:
        rows = [row for row, keep in zip(row_of, wanted, strict=True) if keep]
        return f"{len(rows)}\n{''.join(rows)}"

    folds = [section([part // 2 == fold for part in parts]) for fold in range(FOLDS)]
    texts = {
        "peopleDevTrain.txt": section([part % 2 == 1 for part in parts]),
        "peopleDevTest.txt": section([part % 2 == 0 for part in parts]),
        "people.txt": f"{FOLDS}\n{''.join(folds)}",
    }
    return {name: text.encode() for name, text in texts.items()}


def _parts() -> list[int]:
    number = int.from_bytes(base64.b64decode(_PARTS), "big")
    digits = []
    for _ in range(PEOPLE):
        number, digit = divmod(number, 2 * FOLDS)
        digits.append(digit)
    return digits[::-1]
