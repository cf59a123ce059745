from __future__ import annotations

import ast
import copy
import inspect
import pickle
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf import vocabulary
from medl.conf.expression import MAX_LENGTH, Expression, ExpressionError, evaluate, parse_expression


class Net:
    """Stands for a network."""

    def parameters(self) -> Any:
        return iter([1, 2])

    def named_parameters(self) -> list[tuple[str, int]]:
        return [("conv.weight", 1), ("conv.bias", 2)]

    secret = "never"


OBJECTS: dict[str, Any] = {"model": Net(), "epochs": 4, "threshold": 0.5, "names": {"a": 1}, "text": "abc"}


def value(text: str, **objects: Any) -> Any:
    return evaluate(parse_expression(text), lambda name: {**OBJECTS, **objects}[name])


def pickled(made: Any) -> Any:
    return pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#@epochs", 4),
        ("# @epochs * 2 + 1", 9),
        ("#list(@model.parameters())", [1, 2]),
        ('#[p for n, p in @model.named_parameters() if "bias" not in n]', [1]),
        ("#{'params': [p for _, p in @model.named_parameters()], 'lr': 1e-3}", {"params": [1, 2], "lr": 1e-3}),
        ("#{n: p for n, p in @model.named_parameters()}", {"conv.weight": 1, "conv.bias": 2}),
        ("#sorted({x % 2 for x in range(5)})", [0, 1]),
        ("#'@model'", "@model"),
        ('#("@a", @epochs)', ("@a", 4)),
        ("#1 if @epochs > 3 else 2", 1),
        ("#1 < @epochs <= 4", True),
        ("#@epochs == 4 and not @epochs is None or False", True),
        ("#-@epochs // 3", -2),
        ("#2 ** 10", 1024),
        ("#@text[::-1]", "cba"),
        ("#@text[0:1] + 'z'", "az"),
        ("#[1, 2] * 2", [1, 2, 1, 2]),
        ("#@names.get('b', 3)", 3),
        ("#sum([x * y for x in range(3) for y in range(3) if x != y])", 4),
        ("#max([[1, 2], [3]], key=len)", [1, 2]),
        ("#sorted([3, 1, 2], key=lambda x: -x)", [3, 2, 1]),
        ("#[f for f in [1, 2] if isinstance(f, (int, float))]", [1, 2]),
        ("#list(zip([1, 2], 'ab'))", [(1, "a"), (2, "b")]),
        ("#len([[0] * 3] * 4)", 4),
        ("#math.pi > 3", True),
        ("#@epochs if 'é' == 'é' else 0", 4),
    ],
)
def test_expressions_give_what_python_gives(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ("lambda x: x[0]['loss']", ([{"loss": 3}],), 3),
        ('lambda x: ([i["pred"] for i in x],[i["label"] for i in x])', ([{"pred": 1, "label": 2}],), ([1], [2])),
        ("lambda x: None", (1,), None),
        ("lambda x: (x['pred'], x['label'])", ({"pred": 1, "label": 2},), (1, 2)),
        ("lambda x: x > 0", (1,), True),
        ("lambda x: x > @threshold", (1,), True),
        ("lambda: 3", (), 3),
        ("lambda x, y=2: x + y", (1,), 3),
        ("lambda epoch: 0.9 ** epoch", (2,), 0.9**2),
        ("lambda _, event: event % 2 == 0", (None, 4), True),
        ("lambda x: [[a + b for b in x] for a in x]", ([1, 2],), [[2, 3], [3, 4]]),
        ("lambda torch: torch", (5,), 5),
    ],
)
def test_lambdas_give_what_python_gives_and_survive_pickling(text: str, args: tuple[Any, ...], expected: Any) -> None:
    function = value(text)
    assert function(*args) == expected
    assert pickled(function)(*args) == expected
    assert copy.deepcopy(function) is function
    assert repr(function) == f"<{text}>"


def test_a_function_shows_its_signature() -> None:
    assert str(inspect.signature(value("lambda engine, event=3: None"))) == "(engine, event=3)"
    assert str(inspect.signature(value("lambda: None"))) == "()"


def test_tensors_and_monai() -> None:
    torch = pytest.importorskip("torch")
    assert value("#torch.float32") is torch.float32
    assert value("#torch.nn.InstanceNorm3d") is torch.nn.InstanceNorm3d
    assert value("lambda x: x[:, 0:1]")(torch.zeros(2, 3)).shape == (2, 1)
    assert value("lambda x: x[..., None, -1]")(torch.zeros(2, 3)).shape == (2, 1)
    assert value("lambda x: (x > @threshold).float().sum().item()")(torch.ones(4)) == 4
    assert value("#monai.handlers.from_engine(['loss'], first=True)")([{"loss": 7}]) == 7
    pair = value("#monai.handlers.from_engine(['pred','label'])")([{"pred": 1, "label": 2}])
    assert tuple(pair) == ([1], [2])


def test_what_an_expression_says_of_itself() -> None:
    expression = parse_expression("#monai.handlers.from_engine(['@a', @loss]) if len(@names) else (lambda x: x)")
    assert expression.references == {"loss", "names"}
    assert expression.names == {"monai.handlers.from_engine", "len"}
    assert not expression.is_lambda
    assert parse_expression("lambda x: @model").is_lambda


def test_a_lambda_inside_an_expression_keeps_what_it_closes_over() -> None:
    functions = value("#[lambda x: x * factor + @epochs for factor in [1, 2]]")
    assert [function(10) for function in functions] == [14, 24]
    again = pickled(pickled(functions))
    assert [function(10) for function in again] == [14, 24]


def test_objects_are_asked_for_once_and_only_those_in_use() -> None:
    asked: list[str] = []
    function = evaluate(parse_expression("lambda x: x + @epochs + @epochs"), lambda name: asked.append(name) or 1)
    assert function(1) == 3 and function(2) == 4
    assert asked == ["epochs"]


HOSTILE = [
    # ways to a class and its insides
    "#().__class__",
    "#().__class__.__bases__[0].__subclasses__()",
    "#@model.__class__",
    "#@model.__dict__",
    "#@model._modules",
    "#@model.secret",
    "#@model.__ｃlass__",
    "#[].__len__()",
    "#type(@model)",
    "#type(1)",
    "#getattr(@model, 'secret')",
    "#vars(@model)",
    "#globals()",
    "#locals()",
    "#dir()",
    "#object",
    "#super()",
    "#__builtins__",
    "#__import__('os').system('id')",
    "#eval('1')",
    "#exec('1')",
    "#compile('1', '', 'eval')",
    "#open('/etc/passwd')",
    "#input()",
    "#print(1)",
    "#id(1)",
    "#hash(1)",
    "#iter([1])",
    "#next(@model)",
    "#map(len, [])",
    "#setattr(@model, 'a', 1)",
    "#breakpoint()",
    "#os.system('id')",
    "#subprocess.Popen('id')",
    "#monai",
    "#monai.handlers",
    "#monai.handlers.from_engine.__globals__",
    "#monai.bundle.run()",
    "#torch",
    "#torch.load('x')",
    "#torch.ops",
    "#torch.os.system('id')",
    "#torch.hub.load('a', 'b')",
    "#torch.float32.__class__",
    "#torch.zeros(10**9)",
    "#numpy.load('x')",
    "#math.factorial(10**6)",
    "lambda monai: monai.handlers.from_engine",
    "lambda x: x.__class__",
    "lambda x: x.__init__.__globals__",
    "#dict.get",
    "#int.from_bytes",
    "#str.format",
    # texts as programs
    "#'{0.__class__}'.format(@model)",
    "#'{x}'.format_map(@names)",
    "#f'{@model}'",
    "#f'{1}'",
    "#'%s' % @model",
    "#@text.format(1)",
    "#@text.encode()",
    "#b'abc'",
    "#''.join(['a'])",
    # names
    "#(x := 1)",
    "#[y := 1, y]",
    "lambda x: (x := 1)",
    "lambda __x: 1",
    "#[__x for __x in [1]]",
    "#[x for x in [1]] + [x]",
    "#[x for x in x]",
    "#[1 for @model in [1]]",
    "#[1 for @model.secret in [1]]",
    "#[1 for @names['a'] in [1]]",
    "#[1 for x.real in [1]]",
    "#[1 for x, *y in [[1]]]",
    "#[1 async for x in @model]",
    "lambda @x: 1",
    "lambda x=@x, *a: 1",
    "lambda *a: a",
    "lambda **k: k",
    "lambda *, k: k",
    "lambda a, /: a",
    "#len(@model=1)",
    "#dict(_a=1)",
    "#dict(**@names)",
    "#{**@names}",
    "#[*@names]",
    "#len(*[[1]])",
    "#nowhere",
    "#x",
    "#_",
    # calls of what is not on the list
    "#(lambda: 1)()",
    "#(lambda f: f(f))(lambda f: f(f))",
    "lambda f: f(1)",
    "#@model()",
    "#[len][0]([1])",
    "#@names['a']()",
    "#@model.parameters()()",
    # marks
    "#@",
    "#@ model",
    "#@1",
    "#@if",
    "#@model @ @model",
    "#@model @model",
    "#1 @2",
    "#@model.@text",
    "#@@model",
    "#@é",
    "#(@model)@(@model)",
    # forms
    "#",
    "#   ",
    "##",
    "#1;2",
    "#x = 1",
    "#import os",
    "#lambda",
    "#(1",
    "#1)",
    "#1) + (2",
    "#'abc",
    "#yield 1",
    "#(yield)",
    "#await 1",
    "#1\n2",
    "#1\x00",
    "#1\t",
    "#1 << 2",
    "#1 >> 2",
    "#1j",
    "#\\",
    "#assert 1",
    "lambda x: x; 1",
    "lambda x:",
    # sizes
    "#" + "9" * 30,
    "#" + "9" * 3999,
    "#" + "(" * 200 + ")" * 200,
    "#" + "(" * 1500 + "1" + ")" * 1500,
    "#" + "-" * 1000 + "1",
    "#" + "not " * 900 + "1",
    "#" + "1+" * 1900 + "1",
    "#" + "[" + "1," * 1900 + "]",
    "#" + "lambda:" * 500 + "1",
    "#'" + "a" * MAX_LENGTH + "'",
    "#1" + ".real" * 100,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:40].encode("unicode_escape").decode())
def test_what_is_not_on_the_list_is_refused_when_parsed(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert str(caught.value) and caught.value.reason and 0 <= caught.value.column <= len(text) + 1
    assert caught.value.problem(text, "c.json", "train.loss").path == "train.loss"
    assert time.process_time() - begin < 2


LARGE = [
    "#10 ** 10 ** 10",
    "#2 ** 5000",
    "#(2 ** 4000) * (2 ** 4000)",
    "#range(10 ** 9)",
    "#range(0, 10 ** 18, 1)",
    "#range(2 ** 64)",
    "#list(range(10 ** 6))",
    "#'a' * 10 ** 9",
    "#10 ** 9 * 'a'",
    "#[0] * 10 ** 9",
    "#[[0] * 1000] * 1000",
    "#[[[0] * 90] * 90] * 90",
    "#(0,) * 10 ** 9",
    "#[1 for a in range(10000) for b in range(10000)]",
    "#[[1 for a in range(1000)] for b in range(10000)]",
    "#sum([1 for a in range(1000) for b in range(1000) for c in range(1000)])",
    "#sorted(range(3000), key=lambda a: sorted(range(3000), key=lambda b: -b)[a])",
    "#[x[0:90000] for x in [[0] * 90000] for i in range(90000)]",
    "#sum([[0] * 90000 for i in range(90)], [])",
    "#sum(['a' * 90000 for i in range(90)], '')",
    "#round(5, -10 ** 9)",
    "#str([1])",
    "#('%1000000000d' + '') % 1",
    "#@text % 1",
    "#[a for a in [[b for i in range(1000)] for b in [[c for i in range(1000)] for c in [[0] * 1000]]]]",
    "#{a: 1 for a in [(b, b) for b in [(c,) * 300 for c in [(d,) * 300 for d in [(0,) * 300]]]]}",
    "#[b for b in [(c,) * 300 for c in [(0,) * 300]]] == [b for b in [(c,) * 90000 for c in [0]]] * 2",
    "#['a ' * 40000 for i in range(1000)]",
    "#[@text.split() for i in range(10 ** 6)]",
    "#0.5 in [x for x in [range(90000)] for i in range(90000)]",
]


@pytest.mark.parametrize("text", LARGE, ids=lambda text: text[:60])
def test_large_computations_are_stopped_soon(text: str) -> None:
    expression = parse_expression(text)
    begin = time.process_time()
    with pytest.raises(ExpressionError):
        evaluate(expression, OBJECTS.__getitem__)
    assert time.process_time() - begin < 5


def test_a_function_may_be_called_without_end_but_each_call_is_bounded() -> None:
    function = value("lambda n: len([1 for a in range(n)])")
    assert all(function(100) == 100 for _ in range(200))
    with pytest.raises(ExpressionError, match="elements"):
        function(999_999)


def test_failures_name_the_cause_and_the_place() -> None:
    function = value("lambda x: x[0]['loss']")
    with pytest.raises(ExpressionError, match=r"KeyError: 'loss'.*column 11") as caught:
        function([{}])
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(TypeError):
        function()


def test_near_names_are_offered() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("#monai.handlers.from_engin(['pred'])")
    assert caught.value.near[0] == "monai.handlers.from_engine"
    assert caught.value.column == 2
    assert "from_engine" in str(caught.value.problem("#…"))


def test_bare_name_is_offered_with_its_module() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("#from_engine(['pred'])")
    assert caught.value.near == ("monai.handlers.from_engine",)


def test_columns_count_characters() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("#['é', @model.secret]")
    assert caught.value.column == 8


# Random programs of the allowed forms agree with Python; random texts never do anything but parse or be refused.

_atoms = st.sampled_from(["1", "2", "0", "3.5", "'ab'", "None", "True", "[1, 2]", "(3,)", "{'k': 1}", "x", "@epochs"])
_programs = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+ - * / // == != < > and or in is".split()), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]} for x in [{t[1]}]]"),
        st.tuples(inner, inner).map(lambda t: f"{{'k': {t[0]}, 'l': {t[1]}}}"),
        inner.map(lambda t: f"({t})[0]"),
        inner.map(lambda t: f"({t})['k']"),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"len({t})"),
    ),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(_programs)
def test_allowed_programs_agree_with_python(program: str) -> None:
    text = f"lambda x, epochs: {program}"
    expression = parse_expression(text)
    function = evaluate(expression, {"epochs": 4}.__getitem__)
    code = f"lambda x, epochs: {program.replace('@epochs', 'epochs')}"
    try:
        expected = eval(code)(7, 4)  # noqa: S307 - made from the atoms above
    except Exception as error:
        with pytest.raises(ExpressionError) as caught:
            function(7, 4)
        assert type(caught.value.__cause__) is type(error)
    else:
        assert function(7, 4) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.sampled_from(["#", "lambda x: ", "#@", "#[x for x in "]))
def test_any_text_is_parsed_or_refused(text: str, start: str) -> None:
    try:
        expression = parse_expression(start + text)
    except ExpressionError:
        return
    assert isinstance(expression, Expression)


def test_the_interpreter_and_the_grammar_do_not_need_this_face_of_theirs() -> None:
    code = (
        "import sys, medl.conf.expression_grammar\n"
        "assert 'medl.conf.interpreter' not in sys.modules\n"
        "import medl.conf.interpreter\n"
        "assert 'medl.conf.expression' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


_grammar = st.text(st.sampled_from("@#_x .,:()[]{}'\"=+*-<>lambda forinif__class__0é"), max_size=40)


@given(_grammar)
def test_an_accepted_text_has_no_private_attribute_and_only_known_names(text: str) -> None:
    try:
        expression = parse_expression("#" + text)
    except ExpressionError:
        return
    for node in ast.walk(expression.tree):
        assert not isinstance(node, ast.Attribute) or not node.attr.startswith("_")
        assert not isinstance(node, (ast.NamedExpr, ast.JoinedStr, ast.Starred))
    assert expression.names <= vocabulary.BUILTINS | set(vocabulary.DOTTED)
