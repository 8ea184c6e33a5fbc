from pathlib import Path

import yaml

MODELS = Path(__file__).parents[2] / "vision" / "models"
SHIPPED = MODELS / "haechi-person_openvino_model"


def test_the_shipped_model_has_the_shape_of_a_camera_and_one_class():
    metadata = yaml.safe_load((SHIPPED / "metadata.yaml").read_text())
    assert metadata["imgsz"] == [384, 640]
    assert metadata["names"] == {0: "person"}
    assert metadata["task"] == "detect"


def test_every_file_fits_and_none_tells_of_the_machine_it_was_made_on():
    files = [path for path in MODELS.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".xml", ".bin", ".yaml", ".pt", ".md"}
    for path in files:
        content = path.read_bytes()
        assert len(content) <= 6_000_000, path
        for top in ("tmp", "root", "home"):
            assert f"/{top}/".encode() not in content, path


def test_the_card_says_what_the_model_is_for_and_what_it_is_not_for():
    card = (MODELS / "MODEL_CARD.md").read_text()
    for said in ("not for a street", "seed", "recall", "false boxes", "AGPL-3.0"):
        assert said in card
