"""Args held against parameters."""

from __future__ import annotations

from medl.conf.parameters import UNKNOWN, Parameter, Signature

UNET = Signature((Parameter("spatial_dims"), Parameter("channels"), Parameter("act", "'PRELU'")), ("bias",))


def test_args_that_fit_have_no_problem() -> None:
    assert UNET.problems({"spatial_dims": 3, "channels": [8], "bias": True}, "UNet") == []


def test_unknown_arg_names_its_place_and_the_near_one() -> None:
    args = {"spatial_dims": 3, "channels": [8], "biass": True}
    (problem,) = UNET.problems(args, "UNet", "c.json", "train.model.args")
    assert problem.rule == 'UNet has no arg "biass"'
    assert (problem.file, problem.path) == ("c.json", "train.model.args.biass")
    assert problem.near == ("bias",)
    assert problem.remedy == "Its args: spatial_dims, channels, act, bias."


def test_key_that_stands_beside_args_is_sent_there() -> None:
    (problem,) = UNET.problems(
        {"spatial_dims": 3, "channels": [8], "disabled": True}, "UNet", "c.json", "train.model.args"
    )
    assert problem.remedy == 'Move "disabled" out of args: it stands beside the name.'


def test_missing_args_are_one_problem() -> None:
    (problem,) = UNET.problems({}, "UNet", "c.json", "train.model.args")
    assert problem.rule == 'UNet needs the args "spatial_dims" and "channels"'
    assert (problem.path, problem.remedy) == ("train.model.args", "Add them to args.")


def test_remedy_of_a_missing_arg_can_be_told() -> None:
    (problem,) = Signature((Parameter("params"),)).problems({}, "Adam", remedies={"params": "Write it."})
    assert problem.rule == 'Adam needs the arg "params"'
    assert problem.remedy == "Write it."


def test_what_the_program_gives_is_not_missing() -> None:
    assert UNET.problems({"channels": [8]}, "UNet", given=("spatial_dims",)) == []


def test_open_signature_lets_everything_through() -> None:
    assert UNKNOWN.problems({"anything": 1}, "Mine") == []
    assert UNKNOWN.takes("anything")
    assert not UNET.takes("anything")


def test_class_without_parameters_says_so() -> None:
    (problem,) = Signature().problems({"a": 1}, "Sigmoid")
    assert problem.remedy == "Sigmoid takes no args."


def test_default_makes_a_parameter_optional() -> None:
    assert Parameter("a").required
    assert not Parameter("a", "None").required
