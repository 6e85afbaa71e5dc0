"""Occlusion maps equal a plain loop, find the region that matters, and pass the deletion test."""

import base64
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import twinface
from toy_runs import new_run
from twinface.cli import app
from twinface.core.errors import FaceNotFoundError, SettingsError
from twinface.core.types import ByteArray, Float32Array
from twinface.datasets.aligned import align_pairs
from twinface.datasets.load import load_dataset
from twinface.datasets.pairs_file.read import read_pairs
from twinface.datasets.subsets import pair_subset
from twinface.evaluation.evaluate import evaluate
from twinface.evaluation.intervals import fold_interval
from twinface.evaluation.leaks import unseen_pairs
from twinface.evaluation.results import load_results, save_result
from twinface.faces.decode import decode
from twinface.faces.picture import load_picture
from twinface.models.load import load_model
from twinface.recognition.canvas import DIFFERENT, SAME
from twinface.recognition.deletion import CELLS
from twinface.recognition.explanation import explain
from twinface.recognition.map_drawing import overlay
from twinface.recognition.occlusion import COARSE, FINE, occlusion_maps, paint, windows
from twinface.recognition.verifier import Verifier
from twinface.reports import write_report
from twinface.reports.explained_pairs import explained_pairs
from twinface.training.run_folder import RunFolder

SHIPPED = Path(twinface.__file__).parent / "models" / "shipped" / "default.onnx"


@pytest.fixture(scope="module")
def verifier(tiny_run: RunFolder) -> Verifier:
    return Verifier(tiny_run.path)


@pytest.fixture(scope="module")
def pictures() -> list[Path]:
    faces = load_dataset("orl").faces()
    return [faces.root / path for path in faces.paths]


def dot(left: Float32Array, right: Float32Array) -> Float32Array:
    return np.asarray((left * right).sum(-1), np.float32)


def test_maps_equal_a_loop_over_pixels_and_patches() -> None:
    random = np.random.default_rng(0)
    weights = random.normal(size=(20 * 16 * 3, 4)).astype(np.float32) / 1000

    def embed(faces: ByteArray) -> Float32Array:
        return np.tanh(faces.reshape(len(faces), -1).astype(np.float32) @ weights)

    faces = random.integers(0, 256, (2, 20, 16, 3), np.uint8)
    score, maps = occlusion_maps(embed, dot, faces)
    assert score == pytest.approx(float(dot(embed(faces[:1]), embed(faces[1:]))[0]), abs=1e-5)
    tops = [round(place * (20 - 4) / (FINE.positions - 1)) for place in range(FINE.positions)]
    lefts = [round(place * (16 - 4) / (FINE.positions - 1)) for place in range(FINE.positions)]
    for side in (0, 1):
        for row, column in ((0, 0), (7, 5), (19, 15), (12, 9)):
            changes = []
            for top in tops:
                for left in lefts:
                    if not (top <= row < top + 4 and left <= column < left + 4):
                        continue
                    painted = faces.copy()
                    for channel in range(3):
                        mean = round(faces[side, ..., channel].mean())
                        painted[side, top : top + 4, left : left + 4, channel] = mean
                    changes.append(score - float(dot(embed(painted[:1]), embed(painted[1:]))[0]))
            assert maps[side, row, column] == pytest.approx(np.mean(changes), abs=1e-5)


def test_windows_cover_every_pixel_whatever_the_size() -> None:
    for size in ((16, 16), (17, 23), (96, 80), (101, 64)):
        for share, count in ((FINE.share, FINE.positions), (1 / CELLS, CELLS)):
            covered = np.zeros(size, int)
            for window in windows(size, share, count):
                covered[window] += 1
            assert covered.min() >= 1
            assert len(windows(size, share, count)) == count * count


def test_the_map_finds_the_one_region_that_a_model_uses() -> None:
    """The embedding is the brightness of a few pixels at the left eye. Nothing else moves the score."""
    spot = (slice(10, 14), slice(6, 10))

    def embed(faces: ByteArray) -> Float32Array:
        pixels = faces[(slice(None), *spot, slice(None))].reshape(len(faces), -1)
        return pixels.astype(np.float32) / np.float32(255)

    faces = np.full((2, 40, 40, 1), 40, np.uint8)
    faces[(slice(None), *spot)] = 255
    score, maps = occlusion_maps(embed, dot, faces)
    assert score == pytest.approx(16)
    for part in maps:
        assert (part[spot] > 0).all()
        reach = np.zeros((40, 40), bool)
        reach[10 - 8 : 14 + 8, 0 : 10 + 8] = True
        assert (part[~reach] == 0).all()
        assert part[spot].mean() > 2 * part[reach].mean()


def test_a_window_is_covered_and_nothing_else() -> None:
    """As a map of the window alone, if a model sees nothing else."""
    window = (slice(8, 28), slice(4, 20))
    random = np.random.default_rng(0)
    weights = random.normal(size=(20 * 16, 4)).astype(np.float32) / 1000
    faces = random.integers(0, 256, (2, 40, 40, 1), np.uint8)
    faces[(slice(None), *window)] = faces[(slice(None), *window)].mean().astype(np.uint8)
    faces[:, 12:16, 8:11] = 250

    def embed(pictures: ByteArray) -> Float32Array:
        return np.tanh(
            pictures[(slice(None), *window)].reshape(len(pictures), -1).astype(np.float32) @ weights
        )

    def embed_cut(pictures: ByteArray) -> Float32Array:
        return np.tanh(pictures.reshape(len(pictures), -1).astype(np.float32) @ weights)

    done: list[tuple[int, int]] = []
    score, maps = occlusion_maps(
        embed, dot, faces, COARSE, window, lambda count, total: done.append((count, total))
    )
    assert done[-1] == (72, 72)
    assert done == sorted(done)
    cut = faces[(slice(None), *window)]
    assert score == pytest.approx(occlusion_maps(embed_cut, dot, cut, COARSE)[0], abs=1e-6)
    expected = np.zeros_like(maps)
    for side, other in ((0, 1), (1, 0)):
        for place in windows((20, 16), COARSE.share, COARSE.positions):
            painted = cut[side].copy()
            painted[place] = faces[side].mean((0, 1)).round().astype(np.uint8)
            pair = embed_cut(np.stack([painted, cut[other]]))
            rows, columns = place
            rows, columns = slice(rows.start + 8, rows.stop + 8), slice(columns.start + 4, columns.stop + 4)
            expected[side, rows, columns] += score - float(dot(pair[0], pair[1]))
    count = np.zeros((40, 40))
    for place in windows((40, 40), COARSE.share, COARSE.positions, window):
        count[place] += 1
    assert (count[window] >= 1).all()
    assert count.sum() == count[window].sum()
    np.testing.assert_allclose(maps, expected / np.maximum(count, 1), atol=1e-5)
    assert np.abs(maps[(slice(None), *window)]).max() > 1e-3


def test_painting_takes_the_mean_colour() -> None:
    face = np.random.default_rng(1).integers(0, 256, (10, 10, 3), np.uint8)
    painted = paint(face, [(slice(0, 3), slice(2, 5))])
    assert (painted[0:3, 2:5] == face.mean((0, 1)).round().astype(np.uint8)).all()
    assert (painted[3:] == face[3:]).all()


def test_an_explanation_has_the_verdict_and_a_map_for_each_face(
    tiny_run: RunFolder, pictures: list[Path]
) -> None:
    explanation = twinface.explain(pictures[0], pictures[3], model=tiny_run.path)
    verdict = twinface.verify(pictures[0], pictures[3], model=tiny_run.path)
    assert explanation.score == pytest.approx(verdict.score, abs=1e-5)
    assert explanation.verdict.same == verdict.same
    assert explanation.verdict.threshold == verdict.threshold
    assert explanation.maps.shape == explanation.faces.shape[:3] == (2, 24, 24)
    assert explanation.maps.dtype == np.float32
    assert explanation.grid().shape == (2, CELLS, CELLS)
    assert explanation.grid()[1, 0, 2] == pytest.approx(explanation.maps[1, 0:5, 10:15].mean(), abs=1e-6)
    swapped = twinface.explain(pictures[3], pictures[0].read_bytes(), model=tiny_run.path)
    np.testing.assert_allclose(swapped.maps[::-1], explanation.maps, atol=1e-4)
    assert "array" not in repr(explanation)


def test_the_face_of_a_photo_is_explained(pictures: list[Path]) -> None:
    """A face is found and aligned first, and a photo without one is refused."""
    photo = np.full((300, 400, 3), 90, np.uint8)
    face = load_picture(pictures[0], "rgb")
    photo[60 : 60 + face.shape[0], 200 : 200 + face.shape[1]] = face
    explanation = explain(photo, pictures[1], SHIPPED)
    assert explanation.verdict.same is True
    assert [each.found for each in explanation.verdict.faces] == [1, 1]
    assert explanation.faces.shape == (2, 128, 112, 1)
    assert explanation.maps.max() > 1e-3
    with pytest.raises(FaceNotFoundError, match="no face number 2"):
        explain(photo, pictures[1], SHIPPED, faces=2)
    with pytest.raises(FaceNotFoundError, match="no face was found"):
        explain(photo[:, :190], pictures[1], SHIPPED)


def test_nothing_makes_a_picture_more_like_itself(verifier: Verifier, pictures: list[Path]) -> None:
    explanation = explain(pictures[7], pictures[7], verifier)
    assert explanation.score == pytest.approx(1, abs=1e-5)
    assert explanation.maps.min() > -1e-5
    assert explanation.maps.max() > 1e-3


# The deletion test.


def test_deletion_equals_painting_by_hand(verifier: Verifier, pictures: list[Path]) -> None:
    explanation = explain(pictures[0], pictures[12], verifier)
    found = explanation.deletion(0.12, draws=4, seed=3)
    assert found.random.shape == (4, 2)
    grid = windows((24, 24), 1 / CELLS, CELLS)
    for side in (0, 1):
        strength = [abs(float(explanation.maps[side][window].mean())) for window in grid]
        strongest = sorted(range(25), key=lambda cell: -strength[cell])[:3]
        faces = explanation.faces.copy()
        faces[side] = paint(faces[side], [grid[cell] for cell in strongest])
        embeddings = verifier.model(faces)
        score = float(verifier.record.score(embeddings[0], embeddings[1]))
        assert found.marked[side] == pytest.approx(explanation.score - score, abs=1e-5)
    again = explanation.deletion(0.12, draws=4, seed=3)
    np.testing.assert_array_equal(again.random, found.random)
    by_hand = abs(found.marked).mean() - abs(found.random).mean()
    assert found.advantage == pytest.approx(by_hand)
    for share in (0, 1, -0.1):
        with pytest.raises(ValueError, match="need one between 0 and 1"):
            explanation.deletion(share)


def test_marked_regions_move_the_score_more_than_random_ones(verifier: Verifier) -> None:
    """On ORL people that the model has not seen; genuine and impostor pairs apart; one trial for each person."""
    every = unseen_pairs(load_dataset("orl"), verifier.record)
    for is_match in (True, False):
        pairs = pair_subset(every, every.is_match == is_match)
        of_people = []
        for person in np.unique(pairs.people[:, 0]):
            rows = np.flatnonzero(pairs.people[:, 0] == person)[:5]
            advantages = [
                explain(
                    pairs.faces.root / pairs.faces.paths[pairs.left[row]],
                    pairs.faces.root / pairs.faces.paths[pairs.right[row]],
                    verifier,
                ).deletion(draws=20)
                for row in rows
            ]
            of_people.append(float(np.mean([each.advantage for each in advantages])))
        assert len(of_people) >= 10
        assert fold_interval(of_people).low > 0


# The drawing.


def test_colours_say_which_way_a_region_speaks() -> None:
    face = np.full((40, 40, 1), 100, np.uint8)
    part = np.zeros((40, 40), np.float32)
    part[:10], part[30:] = 0.2, -0.2
    drawn = overlay(face, part, 0.2).astype(int)
    assert (drawn[20] == 100).all()
    for row, colour in ((2, SAME), (38, DIFFERENT)):
        expected = [0.25 * 100 + 0.75 * channel for channel in colour]
        assert np.abs(drawn[row, 20] - expected).max() <= 2
    rgb = overlay(np.repeat(face, 3, 2), part, 0.4).astype(int)
    assert np.abs(rgb[2, 20] - [0.625 * 100 + 0.375 * channel for channel in SAME]).max() <= 2


def test_the_picture_shows_both_faces_and_the_scale(verifier: Verifier, pictures: list[Path]) -> None:
    explanation = explain(pictures[0], pictures[12], verifier)
    drawn = explanation.draw()
    assert drawn.dtype == np.uint8
    assert min(drawn.shape[:2]) > 300
    np.testing.assert_array_equal(decode(explanation.png(), "rgb", "drawn"), drawn)
    both = np.abs(drawn.astype(int)[..., 2] - drawn.astype(int)[..., 0]) > 60
    assert both.any()
    same = explain(pictures[7], pictures[7], verifier)
    assert same.draw().shape == drawn.shape


def test_jupyter_shows_sentence_and_picture(verifier: Verifier, pictures: list[Path]) -> None:
    explanation = explain(pictures[0], pictures[12], verifier)
    sentence, _, picture = explanation._repr_html_().partition("</p>")
    assert sentence == f"<p>{explanation.verdict.explain()}"
    encoded = picture.split('src="data:image/png;base64,')[1].removesuffix('">')
    assert base64.b64decode(encoded) == explanation.png()


def test_explain_on_the_command_line(tiny_run: RunFolder, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "map.png"
    command = ["explain", str(pictures[0]), str(pictures[12]), "--model", str(tiny_run.path)]
    found = CliRunner().invoke(app, [*command, "--json", "--out", str(out)])
    assert found.exit_code == 0, found.output
    values = json.loads(found.stdout)
    explanation = twinface.explain(pictures[0], pictures[12], model=tiny_run.path)
    assert values["score"] == pytest.approx(explanation.score, abs=1e-5)
    assert values["same"] == explanation.verdict.same
    assert np.array(values["grid"]["right"]) == pytest.approx(explanation.grid()[1], abs=1e-4)
    drawn = decode(out.read_bytes(), "rgb", "drawn")
    np.testing.assert_array_equal(drawn, explanation.draw())
    text = CliRunner().invoke(app, command).stdout.splitlines()
    assert text[0] == explanation.verdict.explain()
    assert text[1].startswith(f"Model {explanation.verdict.model}: trained on ")
    assert len(text) == 3 + CELLS
    assert len(text[3].split()) == 2 * CELLS
    assert int(text[3].split()[CELLS]) == round(1000 * values["grid"]["right"][0][0])


def test_a_map_is_drawn_as_png_alone(tmp_path: Path) -> None:
    """Said before the photos are read, which are not even there."""
    out = tmp_path / "map.html"
    found = CliRunner().invoke(app, ["explain", "a.jpg", "b.jpg", "--out", str(out)])
    assert isinstance(found.exception, SettingsError)
    assert "map.html: the name of the picture has to end in .png" in str(found.exception)
    assert not out.exists()


def test_explaining_works_where_torch_is_not_installed(
    tiny_run: RunFolder, pictures: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "map.png"
    program = (
        "import sys\n"
        "for name in ('torch', 'sklearn', 'matplotlib', 'jinja2', 'onnx', 'tqdm'): sys.modules[name] = None\n"
        "from twinface.cli import main\n"
        f"sys.argv = ['twinface', 'explain', {str(pictures[0])!r}, {str(pictures[1])!r}, "
        f"'--model', {str(tiny_run.path)!r}, '--out', {str(out)!r}]\n"
        "main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert out.stat().st_size
    missing = program.replace(pictures[1].name, "missing.pgm")
    result = subprocess.run([sys.executable, "-c", missing], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no such file" in result.stderr


def test_the_report_shows_where_it_looked(tiny_run: RunFolder, tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", tiny_run.settings())
    model = load_model(tiny_run.path)
    result = evaluate(model, unseen_pairs(load_dataset("orl"), model.record), "unseen")
    save_result(folder.path, result)
    page = write_report(folder).read_text()
    assert "No maps: this run" in page
    without = page.count("<img ")
    (folder.path / "model").mkdir()
    (folder.path / "model" / "model.onnx").write_bytes((tiny_run.model / "model.onnx").read_bytes())
    page = write_report(folder).read_text()
    assert "No maps" not in page
    assert page.count("fullest colour:") == 6
    assert page.count("<img ") == without + 12
    assert 'src="http' not in page
    (folder.path / "model" / "model.onnx").write_bytes(b"damaged")
    assert "No maps: this run" in write_report(folder).read_text()


def test_maps_show_the_face_that_was_judged(tmp_path: Path, pictures: list[Path]) -> None:
    """Of photos the evaluation had the aligned faces, so maps and scores on the page are those of the same faces."""
    for person in ("s1", "s2"):
        (tmp_path / person).mkdir()
        for number in (1, 2):
            face = load_picture(pictures[0].parent.parent / person / f"{number}.pgm", "gray")
            photo = np.full((500, 700, 1), 90, np.uint8)
            photo[200:424, 380:564, 0] = cv2.resize(face, None, fx=2, fy=2)
            cv2.imwrite(str(tmp_path / person / f"{number}.png"), photo)
    listed = tmp_path / "pairs.csv"
    listed.write_text("left,right,same\ns1/1.png,s1/2.png,1\ns1/1.png,s2/1.png,0\n")
    folder = new_run(tmp_path / "run")
    (folder.path / "model").mkdir()
    shutil.copy(SHIPPED, folder.path / "model" / "model.onnx")
    found = evaluate(load_model(folder.path), align_pairs(read_pairs(listed, tmp_path)), "pairs")
    wrong = replace(found.margins, scores=np.where(found.pairs.is_match, -1.0, 1.0))
    file = save_result(folder.path, replace(found, margins=wrong)).with_suffix(".npz")
    groups = explained_pairs(folder.path, load_results(folder.path)[0], run_aligns=True).groups
    shown = [float(group.pairs[0].lines[0].split()[1].rstrip(",")) for group in groups]
    assert shown == pytest.approx(found.scored.scores.tolist(), abs=1e-3)

    with np.load(file) as arrays:
        older = {name: arrays[name] for name in arrays.files if name != "landmarks"}
    np.savez_compressed(file, **older)
    result = load_results(folder.path)[0]
    assert "evaluate the run again" in explained_pairs(folder.path, result, run_aligns=True).problem
    assert len(explained_pairs(folder.path, result).groups) == 2  # pictures of an older run, used as they are
    by_others = replace(result, summary=replace(result.summary, protocol="cross-validated"))
    assert "without its people" in explained_pairs(folder.path, by_others).problem
