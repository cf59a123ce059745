"""Code in configs that looks for a way out: refused when the config is checked, or stopped when it is worked out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from medl.conf.expression import ExpressionError, evaluate, parse_expression

WAYS_OUT = [
    "#().__class__",
    "#().__class__.__bases__[0].__subclasses__()",
    "#''.__class__.__mro__[1].__subclasses__()",
    "#@model.__init__.__globals__['__builtins__']",
    "#@model.forward.__func__.__code__",
    "#(x for x in ()).gi_frame.f_back.f_globals",
    "#[].__reduce_ex__(2)",
    "#'{0.__class__.__mro__}'.format(())",
    "#'{x}'.format_map({'x': 1})",
    "#str.format('{0.__class__}', 1)",
    "#'%c' % 65",
    "#'%(a)s' % {'a': 1}",
    "#f'{().__class__}'",
    "#getattr((), '__class__')",
    "#vars(@model)",
    "#type(@model)",
    "#globals()",
    "#eval('1')",
    "#exec('1')",
    "#compile('1', '', 'eval')",
    "#open('/etc/passwd').read()",
    "#__import__('os').system('true')",
    "#__builtins__",
    "#breakpoint()",
    "#input()",
    "#help()",
    "#print(1)",
    "#object()",
    "#super()",
    "#memoryview(b'')",
    "#b'bytes'",
    "#1j",
    "#torch.load('x')",
    "#torch.hub.load('a', 'b')",
    "#torch.ops.load_library('x')",
    "#torch.nn.Module.__init__",
    "#torch.utils.data.get_worker_info()",
    "#torch.tensor.__self__",
    "#numpy.load('x', allow_pickle=True)",
    "#numpy.fromfile('x')",
    "#np.ctypeslib",
    "#monai.bundle.run()",
    "#monai.utils.module.importlib",
    "#monai.apps.download_url('x')",
    "#monai.handlers.from_engine.__globals__",
    "#math.__loader__",
    "#Events.COMPLETED.__class__",
    "#(y := 1)",
    "#[y := 1, y]",
    "#[(lambda: y)() for y in range(3)]",
    "#(lambda: 1)()",
    "#(lambda f: f(f))(lambda f: f(f))",
    "#@model(1)",
    "#@model.state_dict()['x']()",
    "#[f(1) for f in [len]]",
    "#[len][0]('a')",
    "#len if True else 1 .__class__",
    "#dict(**{'a': 1})",
    "#[*range(3)]",
    "#max(*[1, 2])",
    "#{**{}}",
    "#1 @ 2",
    "#1 << 10**6",
    "#1 if await x else 2",
    "#(yield)",
    "#[x async for x in y]",
    "#isinstance(1, __import__('os').PathLike)",
    "#[x for x.__class__ in [1]]",
    "#[0 for @model in [1]]",
    "#{}[().__class__]",
    "#sorted([1], key=eval)",
    "#list[int]",
    "#dict[str, 1]",
    "#x\n__import__('os')",
    "#1;2",
    "#import os",
    "#\u202e1",
    "#ｅｖａｌ('1')",
    "#_model",
    "lambda *a: a",
    "lambda **k: k",
    "lambda a, /: a",
    "lambda *, a: a",
    "lambda a=().__class__: a",
    "lambda a=(lambda b=open: b): a",
    "lambda __class__: __class__",
    "lambda x: x.__class__",
    "lambda x: x.__dict__",
    "lambda x: x.mro()",
    "lambda x: x.numpy().ctypes",
    "lambda x: x.tofile('/tmp/x')",
    "lambda x: x.save('/tmp/x')",
    "lambda x: x.register_hook(x)",
    "lambda x: x.apply(x)",
    "lambda engine: engine.terminate()",
    "lambda engine: engine.state.__setattr__('a', 1)",
    "lambda: lambda: open('/etc/passwd')",
    "#" + "(" * 200 + "1" + ")" * 200,
    "#" + "-" * 3500 + "1",
    "#" + "not " * 900 + "1",
    "#" + "[" * 40 + "]" * 40,
    "#" + "1+" * 1900 + "1",
    "#" + "a" * 100_000,
    "#" + "9" * 3999,
    "lambda x: " + "lambda x: " * 100 + "x",
]
LARGE = [
    "#9**9**9",
    "#2**100000",
    "#(2**4096)**2",
    "#range(10**12)[0]",
    "#list(range(10**9))",
    "#sum(range(10**10))",
    "#'a' * 10**9",
    "#[0] * 10**9",
    "#[[0] * 1000] * 1000",
    "#('a' * 99999) + ('a' * 99999)",
    "#[x for x in range(99999) for y in range(99999)]",
    "#[[y for y in range(9999)] for x in range(9999)]",
    "#{x: [0] * 99999 for x in range(999)}",
    "#max(x for x in range(99999) for y in range(999))",
    "#sorted([0] * 99999 for x in range(99))",
    "#int('9' * 4000) ** 9",
    "#round(1.5, 10**9)",
    "#str(2**4000) * 9999",
    "#[x * 99999 for x in ['a' * 99999]]",
    "#dict(zip(range(10**8), range(10**8)))",
    "#list(enumerate(range(10**9)))",
    "#set(range(10**9))",
    "#'a'.split('') + [x for x in range(10**7)]",
]
LARGE_TENSORS = [
    "#torch.nn.LayerNorm([100000, 100000])",
    "#torch.nn.BatchNorm3d(10**11)",
    "#[a.view(1, -1) * a.view(-1, 1) for a in [torch.tensor([0.0] * 99999)]]",
    "#[a[:, None] + a[None] for a in [torch.tensor([0.0] * 99999)]]",
    "#[a[:, None] * a for a in [numpy.float64([1.0] * 99999)]]",
    "#[torch.cat([a] * 99999) for a in [torch.tensor([0.0] * 99999)]]",
    "#[torch.where(a[:, None] > 0, a, a) for a in [torch.tensor([0.0] * 99999)]]",
    "#torch.nn.functional.one_hot(torch.tensor([1] * 9999), 10**9)",
]


class Model:
    """Stands for whatever a config refers to."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def forward(self) -> None:
        return None


def worked_out(text: str) -> Any:
    made = evaluate(parse_expression(text), lambda name: Model())
    return made(Model()) if callable(made) and text.startswith("lambda x:") else made


@pytest.mark.parametrize("text", WAYS_OUT, ids=lambda text: text[:50].encode("unicode_escape").decode())
def test_a_way_out_is_refused(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        worked_out(text)
    assert len(str(caught.value)) < 10_000
    assert time.process_time() - begun < 1


@pytest.mark.parametrize("text", LARGE, ids=lambda text: text[:50])
def test_a_large_computation_is_stopped(text: str, bounded: Callable[[], Any]) -> None:
    with bounded(), pytest.raises(ExpressionError):
        worked_out(text)


@pytest.mark.parametrize("text", LARGE_TENSORS, ids=lambda text: text[:50])
def test_a_large_tensor_is_never_made(text: str, bounded: Callable[[], Any]) -> None:
    pytest.importorskip("torch")
    with bounded(), pytest.raises(ExpressionError):
        worked_out(text)


def test_tensors_of_a_usual_size_are_made() -> None:
    torch = pytest.importorskip("torch")
    assert worked_out("#torch.nn.Softmax(dim=1)").dim == 1
    assert worked_out("#[a[:, None] * a for a in [torch.tensor([1.0] * 99)]]")[0].shape == (99, 99)
    volume = torch.zeros(2, 64, 64, 64)
    scaled = evaluate(parse_expression("lambda x: (x - x.mean()) / (x.max() + torch.tensor(1.0))"), lambda name: None)
    assert scaled(volume).shape == volume.shape
    assert evaluate(parse_expression("lambda x: torch.cat([x, x])"), lambda name: None)(volume).shape[0] == 4


def test_each_is_a_problem_of_the_config_with_its_place(attack: Callable[..., list[str]]) -> None:
    for text in WAYS_OUT[::4]:
        if text.startswith("#dict["):  # refused when it is worked out
            continue
        found = attack(text, "train", "model", "args", "act")
        assert found and all("train.model.args.act" in problem for problem in found), text
        assert not any("Traceback" in problem or len(problem) > 2000 for problem in found)
