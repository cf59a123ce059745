"""The template archive: real data in honest splits, and configs that belong together."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from medl.assets import asset

ROLES = ("training", "validation", "test")
SHAPE = (32, 32, 32)


@pytest.fixture(scope="module")
def template() -> Path:
    return asset("mmar_template")


@pytest.fixture(scope="module")
def dataset(template) -> dict:
    return json.loads((template / "data" / "dataset.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def train(template) -> dict:
    return json.loads((template / "config" / "config_train.json").read_text(encoding="utf-8"))


def items(dataset):
    return [(role, item) for role in ROLES for item in dataset[role]]


@pytest.fixture(scope="module")
def boxes(template, dataset):
    """Per crop: its split and its first corner in mm; x counts from the plane of symmetry."""
    nibabel = pytest.importorskip("nibabel")
    found = []
    for role, item in items(dataset):
        image = nibabel.load(template / "data" / item["image"])
        label = nibabel.load(template / "data" / item["label"])
        assert image.shape == label.shape == SHAPE
        assert (image.affine == label.affine).all()
        assert (image.affine[:3, :3] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]).all()
        found.append((role, tuple(int(value) for value in image.affine[:3, 3])))
    return found


def overlap(one, other):
    return all(abs(a - b) < size for a, b, size in zip(one, other, SHAPE, strict=True))


def test_there_are_enough_crops_in_each_split(dataset):
    counts = {role: len(dataset[role]) for role in ROLES}
    assert counts == {"training": 24, "validation": 6, "test": 6}
    assert [dataset[name] for name in ("numTraining", "numValidation", "numTest")] == [24, 6, 6]


def test_every_file_is_listed_once_and_exists(template, dataset):
    listed = [item[key] for _, item in items(dataset) for key in ("image", "label")]
    assert len(listed) == len(set(listed))
    there = {str(path.relative_to(template / "data")) for path in (template / "data").rglob("*.nii.gz")}
    assert set(listed) == there


def test_crops_share_no_voxel(boxes):
    for (_, one), (_, other) in itertools.combinations(boxes, 2):
        assert not overlap(one, other)


def test_no_crop_is_seen_in_a_mirror_in_another_split(boxes):
    # The template is symmetric about x = 0 mm. A crop covers [x, x + 31], its mirror image [-x - 31, -x].
    for (role, one), (other_role, other) in itertools.combinations(boxes, 2):
        mirrored = (-one[0] - SHAPE[0] + 1, *one[1:])
        assert role == other_role or not overlap(mirrored, other)


def test_all_crops_come_from_one_half(boxes):
    assert all(corner[0] + SHAPE[0] <= 0 for _, corner in boxes)


def test_labels_are_the_ones_named_and_each_crop_has_both_tissues(template, dataset):
    nibabel, numpy = pytest.importorskip("nibabel"), pytest.importorskip("numpy")
    assert dataset["labels"] == {"0": "background", "1": "grey matter", "2": "white matter"}
    for _, item in items(dataset):
        label = numpy.asanyarray(nibabel.load(template / "data" / item["label"]).dataobj)
        values, counts = numpy.unique(label, return_counts=True)
        assert set(values) <= {0, 1, 2}
        share = dict(zip(values.tolist(), (counts / label.size).tolist(), strict=True))
        assert share[1] >= 0.05 and share[2] >= 0.05
        image = numpy.asanyarray(nibabel.load(template / "data" / item["image"]).dataobj)
        # grey matter is darker than white matter on T1: image and label are of the same place
        assert image[label == 1].mean() + 10 < image[label == 2].mean()


def test_data_are_small(template):
    assert sum(path.stat().st_size for path in (template / "data").rglob("*") if path.is_file()) < 3_000_000


def test_data_say_what_they_are_and_whose(template, dataset):
    assert dataset["description"].startswith("One subject, a demonstration")
    assert "McConnell Brain Imaging Centre" in dataset["reference"] and "Fonov" in dataset["reference"]
    licence = (template / "docs" / "license.txt").read_text(encoding="utf-8")
    assert "Copyright (C) 1993-2004 Louis Collins" in licence
    assert "the above copyright notice appear in all copies" in " ".join(licence.split())
    assert "One subject, a demonstration" in (template / "docs" / "Readme.md").read_text(encoding="utf-8")


def test_the_archive_is_complete(template):
    for name in ("config", "custom", "resources", "docs", "models", "eval", "data"):
        assert (template / name).is_dir()
    for name in ("custom", "models", "eval"):
        assert (template / name / ".gitkeep").is_file()
    assert not (template / "commands").exists(), "commands/ of the checkout is the only copy"


def test_environment_keeps_inside_the_archive(template):
    environment = json.loads((template / "config" / "environment.json").read_text(encoding="utf-8"))
    assert (template / environment["DATASET_JSON"]).is_file()
    assert (template / environment["DATA_ROOT"]).is_dir()
    assert not [value for value in environment.values() if Path(value).is_absolute()]


def search_sections(value):
    if isinstance(value, dict):
        yield from value.get("search", [])
        for child in value.values():
            yield from search_sections(child)
    elif isinstance(value, list):
        for child in value:
            yield from search_sections(child)


def test_the_search_shows_each_domain_once(train):
    found = [(item["domain"], item["type"], len(item["args"])) for item in search_sections(train)]
    assert found == [("lr", "float", 1), ("net", "enum", 2), ("transform", "float", 1)]


def test_the_search_space_is_what_the_library_reads(train):
    from medl.automl.space import find_search_space

    space, problems = find_search_space(train, None, "config/config_train.json")
    assert not problems
    assert [p.prl for p in space.parameters] == [
        "lr.float.$0:learning_rate",
        "net.enum.train.model$0:act,norm",
        "transform.float.train.pre_transforms.#7$0:prob",
    ]


def test_the_baseline_lies_in_the_search_space(train):
    low, high = train["search"][0]["targets"]
    assert low <= train["learning_rate"] <= high
    model = train["train"]["model"]
    assert [model["args"]["act"], model["args"]["norm"]] in model["search"][0]["targets"]


def test_network_and_metric_count_the_labels_of_the_data(train, dataset):
    count = len(dataset["labels"])
    assert train["train"]["model"]["args"]["out_channels"] == count
    discrete = next(t for t in train["validate"]["post_transforms"] if t["name"] == "AsDiscreted")
    assert discrete["args"]["to_onehot"] == count
    assert train["validate"]["key_metric"]["args"]["include_background"] is False


def test_training_is_deterministic_and_never_reads_the_test_crops(train):
    assert train["determinism"] == {"random_seed": 0}
    assert train["train"]["dataset"]["data_list_key"] == "training"
    assert train["validate"]["dataset"]["data_list_key"] == "validation"


def test_the_search_has_a_baseline_and_eight_more(template):
    automl = json.loads((template / "config" / "config_automl.json").read_text(encoding="utf-8"))
    assert automl["baseline"] is True
    assert automl["controller"]["name"] == "RandomController"
    assert automl["controller"]["args"]["max_rounds"] == 8
    assert isinstance(automl["controller"]["args"]["seed"], int)
    assert [handler["name"] for handler in automl["handlers"]] == ["MMARHandler", "MMARStatsHandler", "StatsHandler"]


def test_the_check_finds_nothing(template, train):
    from medl.automl.space import search_problems
    from medl.conf.check import check_training

    environment = json.loads((template / "config" / "environment.json").read_text(encoding="utf-8"))
    checked = check_training(template, train, environment, {}, search_problems=search_problems)
    assert [str(problem) for problem in checked.problems] == []
    assert (checked.notes, checked.warnings) == ([], [])


@pytest.mark.parametrize("name", ["config_automl", "environment"])
def test_configs_keep_their_schemas(template, name):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((asset("config") / f"{name}.schema.json").read_text(encoding="utf-8"))
    value = json.loads((template / "config" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)


def test_dataset_keeps_its_schema(dataset):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((asset("config") / "dataset.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(dataset)


def test_log_config_logs_to_standard_output(template, capsys):
    import configparser

    parser = configparser.RawConfigParser()
    parser.read(template / "resources" / "log.config")
    assert parser["handler_consoleHandler"]["args"] == "(sys.stdout,)"
    assert parser["logger_root"]["level"] == "INFO"


def test_the_config_says_which_medl_it_is_for(train):
    import medl

    assert train["MEDL_VERSION"] == medl.__version__
