import json
import shutil

import numpy as np
import pytest
from PIL import Image
from sentence_transformers import SentenceTransformer

from components.base import UserError
from components.embedders.clip import ClipEmbedder, read_image

TEXTS = ["a cat", "two dogs", "a red car"]


@pytest.fixture(scope="module")
def clip(clip_folder):
    return ClipEmbedder(model=str(clip_folder), batch_size=2)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Three photos of noise."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    found = []
    for number in range(3):
        pixels = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        found.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(found[-1])
    return found


def unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def test_texts_are_those_of_the_library(clip, clip_folder):
    X = clip.encode(TEXTS)
    assert X.dtype == np.float32
    assert np.allclose(X, unit(SentenceTransformer(str(clip_folder)).encode(TEXTS)), atol=1e-5)


def test_images_are_those_of_the_library(clip, clip_folder, paths):
    X = clip.encode([""] * 3, images=paths)
    pictures = [Image.open(path) for path in paths]
    assert np.allclose(X, unit(SentenceTransformer(str(clip_folder)).encode(pictures)), atol=1e-5)


def test_both_are_averaged_row_by_row(clip, paths):
    text, image = clip.encode(TEXTS), clip.encode([""] * 3, images=paths)
    mixed = clip.encode([TEXTS[0], "", TEXTS[2]], images=[paths[0], paths[1], None])
    both = unit(text[:1] + image[:1])[0]
    assert np.allclose(mixed, [both, image[1], text[2]], atol=1e-5)
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-5)


def test_too_long_a_text_is_cut_at_the_tokenizers_limit_and_counted(clip):
    X = clip.encode(["b" * 14, "b" * 40, "b" * 80, "cat"])  # 16 tokens, two of them special
    assert clip.truncated_.tolist() == [False, True, True, False]
    assert np.allclose(X[1], X[2], atol=1e-5)


def test_only_the_texts_of_rows_that_have_one_are_counted(clip, paths):
    clip.encode(["", "b" * 40], images=[paths[0], None])
    assert clip.truncated_.tolist() == [False, True]


def test_a_tokenizer_that_names_no_limit(clip_folder, tmp_path):
    folder = tmp_path / "clip"
    shutil.copytree(clip_folder, folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["model_max_length"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    clip = ClipEmbedder(model=str(folder))
    X = clip.encode(["b" * 40, "b" * 80])
    assert clip.truncated_.all()
    assert np.allclose(X[0], X[1], atol=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"])
def test_images_of_any_mode_are_read_as_rgb(clip, tmp_path, mode):
    ending = {"CMYK": "jpg", "YCbCr": "jpg", "I": "tiff", "F": "tiff"}.get(mode, "png")
    path = tmp_path / f"x.{ending}"
    values = np.linspace(0, 255, 40 * 40).reshape(40, 40)
    if mode in ("I", "I;16"):
        image = Image.fromarray((values * 257).astype(np.uint16))
        image = image if mode == "I;16" else image.convert("I")
    elif mode == "F":
        image = Image.fromarray(values.astype(np.float32))
    else:
        image = Image.fromarray(values.astype(np.uint8)).convert(mode)
    image.save(path)
    read = read_image(str(path))
    assert read.mode == "RGB"
    pixels = np.asarray(read, np.float32)
    assert pixels[0].mean() < 30  # dark above, light below, in every mode
    assert pixels[-1].mean() > 225
    assert np.isfinite(clip.encode([""], images=[str(path)])).all()


def test_a_broken_or_missing_image_is_named(clip, tmp_path, paths):
    (tmp_path / "text.png").write_text("this is no image")
    whole = (tmp_path / "whole.bmp", tmp_path / "half.bmp")
    Image.open(paths[0]).save(whole[0])
    whole[1].write_bytes(whole[0].read_bytes()[:3000])
    for name in ("text.png", "half.bmp", "missing.png"):
        path = str(tmp_path / name)
        with pytest.raises(UserError, match="cannot be read") as error:
            clip.encode(["", ""], images=[paths[0], path])
        assert path in str(error.value)


def test_a_model_for_texts_only_is_refused(minilm_folder):
    with pytest.raises(UserError, match="is not a CLIP model"):
        ClipEmbedder(model=str(minilm_folder)).encode(TEXTS)


def test_a_missing_model_fails_at_once():
    with pytest.raises(UserError, match="no such file or folder"):
        ClipEmbedder(model="./nothing")


def test_fingerprint_knows_the_weights(clip, clip_folder):
    same = ClipEmbedder(model=str(clip_folder), batch_size=9, device="cpu")
    assert json.dumps(clip.fingerprint()) == json.dumps(same.fingerprint())
    other = ClipEmbedder(model="sentence-transformers/clip-ViT-B-16")
    assert json.dumps(clip.fingerprint()) != json.dumps(other.fingerprint())
