"""dataset=images."""

import pytest

from components.base import UserError
from components.datasets.images import ImagesDataset


@pytest.fixture
def folder(tmp_path):
    for name in ["dog/b.JPG", "cat/big/c.webp", "cat/a.png", "cat/notes.txt", "cat/.thumb.png"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "cat" / "a.txt").write_text("a cat\n")
    return tmp_path


def test_all_images_in_order_without_text(folder):
    corpus = ImagesDataset(path=str(folder)).load()
    names = ["cat/a.png", "cat/big/c.webp", "dog/b.JPG"]
    assert corpus.images == [str(folder / name) for name in names]
    assert corpus.documents == ["", "", ""]
    assert not corpus.blank.any()
    assert corpus.labels is None


def test_labels_are_subfolders(folder):
    corpus = ImagesDataset(path=str(folder), label="folder").load()
    assert corpus.labels == ["cat", "cat/big", "dog"]
    (folder / "loose.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"loose\.png lies in no subfolder"):
        ImagesDataset(path=str(folder), label="folder").load()


def test_captions_lie_beside_the_images(folder):
    assert ImagesDataset(path=str(folder), captions=True).load().documents == ["a cat", "", ""]
    (folder / "cat" / "a.txt").unlink()
    with pytest.raises(UserError, match=r"no image in .* has a caption.*a\.txt"):
        ImagesDataset(path=str(folder), captions=True).load()


def test_limit_keeps_image_and_label_together(folder):
    corpus = ImagesDataset(path=str(folder), label="folder", limit=2, seed=1).load()
    assert len(corpus) == 2
    assert all(
        f"/{label}/" in image for label, image in zip(corpus.labels, corpus.images, strict=True)
    )


def test_a_folder_without_images_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"holds no file that ends in .jpg"):
        ImagesDataset(path=str(tmp_path)).load()
    with pytest.raises(UserError, match=r"does not exist"):
        ImagesDataset(path=str(tmp_path / "photos"))
