"""Tasks and guesses of lesson 9: a transfer model."""

import numpy as np
import torch
from torch import nn

from course_lib.quiz import Guess, NotYet, Task

# The first tensor operations of a process load half of PyTorch. That may take longer than a check is given.
torch.zeros(1) / 255 - 1


class Prepare(Task):
    """Two channels with other numbers, so that a mean for all of them shows."""

    id = "09-prepare"
    objective = "match-preprocessing"
    defines = "prepare"
    prompt_ja = (
        "**課題 1：前処理。** 画素値を重みに合わせる `prepare` を書いてください。まず 255 で割って 0 から 1 にし、`mean` を引き、"
        "それを `std` で割ります。"
    )
    given = "import torch"
    stub = '''
def prepare(pixels, mean, std):
    """Pixels (photos, 3, height, width), 0 to 255, as the network wants them."""
    mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (mean, std))
    ...
'''
    why = {
        "en": "Every network comes with such numbers. They belong to its weights, and nothing checks that you use them.",
        "ja": "どのネットワークにもこのような値があります。重みとセットのものですが、正しく使ったかどうかは誰も確かめてくれません。",
    }
    hints = (
        {
            "en": "Three steps in a row: from 0…255 to 0…1, then minus `mean`, then divided by `std`.",
            "ja": "順に 3 段階です。0〜255 を 0〜1 にし、`mean` を引き、`std` で割ります。",
        },
        {
            "en": "Python divides before it subtracts, so the difference needs brackets: `return (… - mean) / std`.",
            "ja": "Python は引き算より割り算を先に計算します。差にかっこが必要です：`return (… - mean) / std`。",
        },
    )
    _start = (
        "def prepare(pixels, mean, std):\n"
        "    mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in (mean, std))\n"
    )
    solution = _start + "    return (pixels / 255 - mean) / std\n"
    wrong = (
        (_start + "    return (pixels - mean) / std", "still run from 0 to 255"),
        (_start + "    return pixels / 255 - mean / std", "brackets"),
        (_start + "    return pixels / 255", "neither"),
        (_start + "    return pixels / 255 - mean", "`std` is not used"),
        (_start + "    return (pixels / 255 - mean) * std", "divide by it"),
        (_start + "    return (pixels / 255 - std) / mean", "exchanged"),
        (_start + "    return (pixels / 255 - 0.5) / 0.5", "0.5"),
        (_start + "    (pixels / 255 - mean) / std", "behind `return`"),
    )

    def check(self, prepare):
        """Two photos, and numbers that differ from channel to channel."""
        pixels = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).reshape(2, 3, 4, 4) + 100
        given = (0.2, 0.4, 0.6), (0.1, 0.2, 0.25)
        found = prepare(pixels, *given)
        mean, std = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in given)
        shares = pixels / 255
        mistakes = (
            (
                (pixels - mean) / std,
                "The numbers still run from 0 to 255. Divide by 255 first: mean and std belong to numbers from 0 to 1.",
                "まだ 0〜255 のままです。mean と std は 0〜1 に対する値なので、先に 255 で割ってください。",
            ),
            (
                shares - mean / std,
                "Python divides before it subtracts: here only the mean was divided by std. Put the difference in brackets.",
                "Python は引き算より割り算が先です。mean だけが std で割られています。差をかっこに入れてください。",
            ),
            (
                shares,
                "The numbers run from 0 to 1 now, but neither `mean` nor `std` is used yet.",
                "0〜1 にはなりましたが、`mean` も `std` もまだ使っていません。",
            ),
            (shares - mean, "The mean is gone, but `std` is not used yet.", "平均は引けましたが、`std` をまだ使っていません。"),
            (
                (shares - mean) * std,
                "You multiplied by `std`; divide by it, so that the spread becomes 1.",
                "`std` を掛けています。ばらつきを 1 にするには、割ってください。",
            ),
            ((shares - std) / mean, "Mean and std are exchanged.", "mean と std が入れ替わっています。"),
            (
                (shares - 0.5) / 0.5,
                "That is right for 0.5 and 0.5 only. Use the `mean` and `std` that come as arguments.",
                "0.5 と 0.5 のときだけ正しい式です。引数の `mean` と `std` を使ってください。",
            ),
        )  # fmt: skip
        for result, en, ja in mistakes:
            if (
                isinstance(found, torch.Tensor)
                and found.shape == result.shape
                and torch.allclose(found, result, atol=1e-4)
            ):
                raise NotYet(en, ja)
        self.expect(found, (shares - mean) / std, "For two small photos", "小さな画像 2 枚に対し", tolerance=1e-4)


class SmallNetwork(nn.Module):
    """Four stages and a head, made in no time."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.stages = nn.Sequential(*(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)) for _ in range(4)))
        self.head = nn.Linear(3, 2)

    def trained(self):
        """The parts that may learn: stage numbers and "head"; a part that may learn in places only has a "?"."""
        parts = {**dict(enumerate(self.backbone.stages)), "head": self.head}
        switches = {name: {weight.requires_grad for weight in part.parameters()} for name, part in parts.items()}
        return [name if found == {True} else f"{name}?" for name, found in switches.items() if True in found]


class TrainOnly(Task):
    """Asked for two, for none and for one, one after the other: -0 is 0, and old switches must go back."""

    id = "09-train-only"
    objective = "freeze-layers"
    defines = "train_only"
    prompt_ja = (
        "**課題 2：固定と解除。** `train_only` を書いてください。すべてのパラメーターを固定し、そのあとヘッドと、バックボーンの最後の "
        "`last` 個のステージだけ固定を解きます。`last` が 0 なら、学習するのはヘッドだけです。"
    )
    copies = False
    stub = '''
def train_only(model, last):
    """Freeze all but the head and the last stages of the backbone; how many weights learn now."""
    stages = list(model.backbone.stages)
    ...
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
'''
    why = {
        "en": "Every way of fine-tuning is a choice of these switches; and now you know how to read them, too.",
        "ja": "どんなファインチューニングも、このスイッチの選び方です。これで読み方も分かりました。",
    }
    hints = (
        {
            "en": "Two loops. The first goes over `model.parameters()` and switches all off; the second goes over the parts that learn.",
            "ja": "ループを 2 つ使います。1 つ目は `model.parameters()` 全部をオフに、2 つ目は学習させる部分をオンにします。",
        },
        {
            "en": "The parts that learn are `[*stages[len(stages) - last:], model.head]`. Each has `parameters()` of its own. (Why not "
            "`stages[-last:]`? Think of `last = 0`.)",
            "ja": "学習させる部分は `[*stages[len(stages) - last:], model.head]` で、それぞれに `parameters()` があります。"
            "（`stages[-last:]` だと `last = 0` のときどうなるでしょう。）",
        },
        {
            "en": "`for part in …:`, below it `for weight in part.parameters():`, below it `weight.requires_grad = True`.",
            "ja": "`for part in …:` の中に `for weight in part.parameters():`、その中に `weight.requires_grad = True` です。",
        },
    )
    _off = (
        "def train_only(model, last):\n    stages = list(model.backbone.stages)\n"
        "    for weight in model.parameters():\n        weight.requires_grad = False\n"
    )
    _count = "    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)\n"
    _on = "        for weight in part.parameters():\n            weight.requires_grad = True\n" + _count
    solution = _off + "    for part in [*stages[len(stages) - last:], model.head]:\n" + _on
    wrong = (
        (_off + "    for part in [*stages[-last:], model.head]:\n" + _on, "−0 is 0"),
        (_off + "    for part in stages[len(stages) - last:]:\n" + _on, "the head"),
        (_off + "    for part in [*stages[:last], model.head]:\n" + _on, "the first"),
        (
            "def train_only(model, last):\n    stages = list(model.backbone.stages)\n"
            "    for part in stages[: len(stages) - last]:\n        for weight in part.parameters():\n"
            "            weight.requires_grad = False\n" + _count,
            "was called before",
        ),
        (
            _off
            + "    for part in [*stages[len(stages) - last:], model.head]:\n        part.requires_grad = True\n"
            + _count,
            "no switch of a part",
        ),
        (_off + _count, "nothing at all"),
        (_off.replace("requires_grad = False", "requires_grad == False") + _count, "two equals signs"),
        (_off + "    for part in [stages[len(stages) - last - 1], model.head]:\n" + _on, "gave"),
    )

    def check(self, train_only):
        """One model after three calls."""
        model = SmallNetwork()
        train_only(model, 2)
        first = model.trained()
        train_only(model, 0)
        none = model.trained()
        train_only(model, 1)
        again = model.trained()
        if not first and any(hasattr(part, "requires_grad") for part in (model.head, *model.backbone.stages)):
            raise NotYet(
                "Everything is frozen. `part.requires_grad = True` is no switch of a part: it only writes a note on it. The switch "
                "belongs to each of `part.parameters()`.",
                "全部固定されたままです。`part.requires_grad = True` は部品に変数を付けるだけで、スイッチではありません。スイッチは "
                "`part.parameters()` の 1 つ 1 つにあります。",
            )
        if not first:
            raise NotYet(
                "Now nothing at all can learn: everything was frozen, and nothing was unfrozen afterwards.",
                "これでは何も学習できません。全部固定したあと、必要な部分の固定を解いてください。",
            )
        if first == none == again == [0, 1, 2, 3, "head"]:
            raise NotYet(
                "Everything learns, as before. Did you write two equals signs? `=` sets a value, `==` only compares.",
                "元のまま、すべてが学習します。`==` と書いていませんか。値を入れるのは `=`、`==` は比べるだけです。",
            )
        if "head" not in first:
            raise NotYet(
                f"With last=2 these parts learn: {first}. The head has random numbers, so the head must learn in any case.",
                f"last=2 で学習する部分が {first} です。ヘッドの中身は乱数なので、必ず学習させます。",
            )
        if first == [0, 1, "head"]:
            raise NotYet(
                "Those are the first two stages. The early ones know edges and spots, which all photos have; the last ones should learn.",
                "それは最初の 2 ステージです。初めのステージは、どの画像にもある縁や斑点を知っています。学習させるのは最後のほうです。",
            )
        if first == [2, 3, "head"] and none == [0, 1, 2, 3, "head"]:
            raise NotYet(
                "With last=2 it is right, but with last=0 everything learns: −0 is 0, and `stages[0:]` are all of them. Count from "
                "the front: `len(stages) - last`.",
                "last=2 は正しいですが、last=0 だと全部が学習します。−0 は 0 なので、`stages[0:]` は全ステージです。前から "
                "`len(stages) - last` と数えてください。",
            )
        if first == [2, 3, "head"] and none == ["head"] and again == ["head"]:
            raise NotYet(
                "On a model for which it was called before, it leaves parts frozen that should learn: switch both off and on.",
                "一度呼び出したモデルでは、学習させる部分が固定されたままになります。オフだけでなくオンにもしてください。",
            )
        for last, found, wanted in ((2, first, [2, 3, "head"]), (0, none, ["head"]), (1, again, [3, "head"])):
            if found != wanted:
                raise NotYet(
                    f"With last={last}, `train_only` gave these trainable parts: {found}; {wanted} was expected (four stages, 0 to 3).",
                    f"last={last} で学習する部分が {found} になりました。正しくは {wanted} です（ステージは 0〜3 の 4 つ）。",
                )


class UnknownNames(Task):
    """One name is misspelt, one belongs to a buffer."""

    id = "09-unknown-names"
    objective = "freeze-layers"
    defines = "unknown_names"
    prompt_ja = (
        "**課題 3：誤字を見つける。** リスト `names` のうち、モデルのパラメーターにない名前のリストを返す `unknown_names` を書いてください。"
        "`model.named_parameters()` は、名前とパラメーターの組を順に返します。"
    )
    stub = '''
def unknown_names(model, names):
    """Those of the names that no parameter of the model has, in their order."""
    ...
'''
    why = {
        "en": "Two lines turn a silent mistake into a loud one. Put such a check wherever you choose by name.",
        "ja": "たった 2 行で、黙って起きる誤りが目に見えるようになります。名前で選ぶときは、いつもこの確認を。",
    }
    hints = (
        {
            "en": "First the names that there are: `known = [name for name, weight in model.named_parameters()]`.",
            "ja": "まず、存在する名前を集めます：`known = [name for name, weight in model.named_parameters()]`。",
        },
        {
            "en": "Then go through `names`, and keep those that are `not in known`.",
            "ja": "次に `names` を順に見て、`not in known` のものを残します。",
        },
    )
    _known = "def unknown_names(model, names):\n    known = [name for name, weight in model.named_parameters()]\n"
    solution = _known + "    return [name for name in names if name not in known]\n"
    wrong = (
        (_known + "    return [name for name in known if name not in names]", "the other way round"),
        (_known + "    return [name for name in names if name in known]", "names that do exist"),
        (_known + "    return [name not in known for name in names]", "True and False"),
        (_known + "    return any(name not in known for name in names)", "a list of names"),
        (_known + "    return len([name for name in names if name not in known])", "a list of names"),
        (
            _known + "    for name in names:\n        if name not in known:\n            return [name]\n    return []",
            "the first one only",
        ),
        (
            "def unknown_names(model, names):\n    return [name for name in names if name not in model.state_dict()]",
            "running_mean",
        ),
        (
            "def unknown_names(model, names):\n    known = [name for name, part in model.named_children()]\n"
            "    return [name for name in names if name not in known]",
            "parts",
        ),
    )

    def check(self, unknown_names):
        """A small network: right names, two wrong ones, a buffer, and a list without a mistake."""
        model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        names = ["2.weight", "2.baias", "0.wieght", "1.weight"]
        found = unknown_names(model, list(names))
        if isinstance(found, bool | int):
            raise NotYet(
                f"`unknown_names` gave {found}; return a list of names, so that one can see what to mend.",
                f"`unknown_names` の結果が {found} です。どこを直せばよいか分かるよう、名前のリストを返してください。",
            )
        found = list(found)
        mistakes = (
            (
                ["0.weight", "0.bias", "1.bias", "2.bias"],
                "This is the other way round: names of the model that are not in your list.",
                "逆になっています。モデルにはあるのにリストにない名前です。",
            ),
            (
                ["2.weight", "1.weight"],
                "These are the names that do exist; asked for are those that do not.",
                "それは存在する名前です。求めたいのは、存在しない名前です。",
            ),
            (
                [False, True, True, False],
                "This is a list of True and False. Return the names themselves.",
                "True と False のリストです。名前そのものを返してください。",
            ),
            (
                ["2.baias"],
                "Two of these names are wrong, and you found the first one only: go on after it.",
                "誤った名前は 2 つあるのに、最初の 1 つだけです。見つけたあとも続けてください。",
            ),
            (
                names,
                "Here no name is known at all. `named_children()` names the parts; their weights have names such as '2.weight'.",
                "どの名前も見つかっていません。`named_children()` は部品の名前で、重みの名前は '2.weight' のような形です。",
            ),
        )
        for result, en, ja in mistakes:
            if found == result:
                raise NotYet(en, ja)
        self.expect(found, ["2.baias", "0.wieght"], "For two misspelt names of four", "4 つのうち 2 つが誤字のとき")
        self.expect(
            list(unknown_names(model, ["0.bias"])), [], "For a list without a mistake", "誤りのないリストに対し"
        )
        if not list(unknown_names(model, ["1.running_mean"])):
            raise NotYet(
                "'1.running_mean' is no parameter: batch normalisation keeps it, and no gradient reaches it. `state_dict()` lists such "
                "numbers, too; `named_parameters()` does not.",
                "'1.running_mean' はパラメーターではなく、バッチ正規化が保持する値で、勾配は届きません。`state_dict()` には"
                "それも含まれます。`named_parameters()` を使ってください。",
            )


class PairedDifference(Task):
    """Two models on 400 photos, right on many of the same ones."""

    id = "09-paired-difference"
    objective = "choose-strategy"
    defines = "paired_difference"
    prompt_ja = (
        "**課題 4：対応のある差。** 同じ画像に対する 2 つのモデルの正誤（`True`/`False` の配列）から、正解率の差と 95 % 区間の"
        "下端・上端を返す `paired_difference` を書いてください。画像ごとに差（1、0、−1）を取り、平均を求めます。区間は、差の標準偏差を"
        "画像の枚数の平方根で割った値の 1.96 倍を、平均から引いた値と足した値です。"
    )
    given = "import numpy as np"
    stub = '''
def paired_difference(first, second):
    """By how much the first is right more often: the mean, then both ends of its interval."""
    ...
'''
    why = {
        "en": "Photos that both get right, or both get wrong, no longer blur the comparison: only those that separate the two count.",
        "ja": "両方が正解、または両方が不正解の画像は、もう比較をぼかしません。効くのは 2 つのモデルを分ける画像だけです。",
    }
    hints = (
        {
            "en": "`difference = first.astype(int) - second.astype(int)`: 1 where only the first is right, −1 where only the second is.",
            "ja": "`difference = first.astype(int) - second.astype(int)` は、1 つ目だけ正解なら 1、2 つ目だけ正解なら −1 です。",
        },
        {
            "en": "`mean = difference.mean()`, and `error = difference.std() / np.sqrt(len(difference))`.",
            "ja": "`mean = difference.mean()`、`error = difference.std() / np.sqrt(len(difference))` です。",
        },
        {
            "en": "`low, high = mean - 1.96 * error, mean + 1.96 * error`.",
            "ja": "`low, high = mean - 1.96 * error, mean + 1.96 * error` です。",
        },
    )
    _start = (
        "def paired_difference(first, second):\n    difference = first.astype(int) - second.astype(int)\n"
        "    mean = difference.mean()\n"
    )
    _end = "    return mean, mean - 1.96 * error, mean + 1.96 * error\n"
    solution = _start + "    error = difference.std() / np.sqrt(len(difference))\n" + _end
    wrong = (
        (_start + "    error = difference.std()\n" + _end, "square root"),
        (_start + "    error = difference.std() / len(difference)\n" + _end, "square root"),
        (
            (_start + "    error = difference.std() / np.sqrt(len(difference))\n" + _end).replace(
                "first.astype(int) - second.astype(int)", "second.astype(int) - first.astype(int)"
            ),
            "other order",
        ),
        (
            (_start + "    error = difference.std() / np.sqrt(len(difference))\n" + _end).replace(".mean()", ".sum()"),
            "a number of photos",
        ),
        (
            "def paired_difference(first, second):\n    one, two = first.mean(), second.mean()\n"
            "    error = np.sqrt(one * (1 - one) / len(first) + two * (1 - two) / len(second))\n    mean = one - two\n"
            + _end,
            "different photos",
        ),
        (_start + "    error = difference.std() / np.sqrt(len(difference))\n" + _end.replace("1.96 * ", ""), "1.96"),
        (
            (_start + "    error = difference.std() / np.sqrt(len(difference))\n" + _end).replace(
                "first.astype(int) - second.astype(int)", "(first != second).astype(int)"
            ),
            "disagree",
        ),
        (_start + "    return mean", "three numbers"),
    )

    def check(self, paired_difference):
        """Of 400 photos both get 320 right, the first alone 30, the second alone 10."""
        first = np.repeat([True, True, False, False], [320, 30, 10, 40])
        second = np.repeat([True, False, True, False], [320, 30, 10, 40])
        found = paired_difference(first, second)
        if not isinstance(found, tuple | list | np.ndarray) or len(found) != 3:
            raise NotYet(
                "`paired_difference` should return three numbers: the mean, and the lower and upper end of its interval.",
                "`paired_difference` は 3 つの数を返してください。平均と、区間の下端と上端です。",
            )
        mean, low, high = (float(number) for number in found)
        half = 1.96 * (first.astype(int) - second.astype(int)).std() / 20
        alone = 1.96 * np.sqrt(0.875 * 0.125 / 400 + 0.825 * 0.175 / 400)
        if abs(mean - 20) < 1e-6:
            raise NotYet(
                "20 is a number of photos. Take the mean instead of the sum: a share of all photos.",
                "20 は画像の枚数です。合計ではなく平均、つまり全体に対する割合にしてください。",
            )
        if abs(mean + 0.05) < 1e-6:
            raise NotYet(
                "The sign is wrong: it is in the other order. The first model is right more often here, so the difference is above 0.",
                "符号が逆です。ここでは 1 つ目のモデルのほうが正解が多いので、差は正になるはずです。",
            )
        if abs(mean - 0.1) < 1e-6:
            raise NotYet(
                "0.1 is how often the two disagree. Where only the second is right, the difference is −1.",
                "0.1 は 2 つの判定が食い違う割合です。2 つ目だけが正解の画像では、差は −1 になります。",
            )
        self.expect(
            mean,
            0.05,
            "For the mean, with 350 and 330 right of 400,",
            "400 枚中 350 枚と 330 枚が正解のとき、平均について",
            1e-6,
        )
        for wide, en, ja in (
            (
                alone,
                "This is the interval for two models on different photos. These are the same ones: take the spread of the "
                "differences, photo by photo.",
                "それは別々の画像で調べた場合の区間です。ここでは同じ画像なので、画像ごとの差のばらつきを使ってください。",
            ),
            (
                half / 1.96,
                "The interval reaches only one standard error to each side; 95 % need 1.96 of them.",
                "区間が標準誤差 1 つ分しかありません。95 % にするには 1.96 倍してください。",
            ),
            (half * 20, "Divide the spread by the square root of the number of photos.", "ばらつきを、枚数の平方根で割ってください。"),
            (
                half / 20,
                "Divide the spread by the square root of the number of photos, not by the number itself.",
                "ばらつきは枚数そのものではなく、枚数の平方根で割ってください。",
            ),
        ):  # fmt: skip
            if abs(high - mean - wide) < 1e-5:
                raise NotYet(en, ja)
        self.expect(
            [low, high],
            [0.05 - half, 0.05 + half],
            "For the ends of the interval, in that example,",
            "同じ例で、区間の両端について",
            tolerance=1e-3,
        )


WAYS = ("probe last", "probe middle", "tune last", "tune most")
CASES = {
    "A": (
        "probe last",
        "A has few photos, and apples under an everyday camera are what such a network has seen already",
        "A は枚数が少なく、普通のカメラで撮ったリンゴは、このネットワークがすでに見てきたものに近い画像です",
    ),
    "B": (
        "probe middle",
        "B has few photos, and X-ray pictures of welds are unlike everyday photos: the late stages know things that do not occur there",
        "B は枚数が少なく、溶接の X 線画像は日常の画像とかけ離れています。最後のステージが知っているものは、そこには写りません",
    ),
    "C": (
        "tune last",
        "C has many photos, and they look like everyday ones: the early stages fit already, the late ones can learn the details",
        "C は枚数が多く、日常の画像に似ています。初めのステージはそのまま使え、最後のステージに細部を学ばせることができます",
    ),
    "D": (
        "tune most",
        "D has many photos, and they are unlike everyday ones: there is much to learn anew, and enough to learn it from",
        "D は枚数が多く、日常の画像とはかけ離れています。学び直すことが多く、そのための画像も十分にあります",
    ),
}


class Situations(Task):
    """Few or many photos, like or unlike everyday ones."""

    id = "09-situations"
    objective = "choose-strategy"
    defines = "advice"
    prompt_ja = (
        "**課題 5：4 つの状況。** A から D の工場に勧める方法を、`probe last`（最後のステージの特徴量でプローブ）、"
        "`probe middle`（途中のステージも使うプローブ）、`tune last`（最後のほうのステージをファインチューニング）、"
        "`tune most`（ほとんどのステージをファインチューニングし、一からの学習とも比べる）から選んでください。"
    )
    stub = """
advice = {"A": "?", "B": "?", "C": "?", "D": "?"}
"""
    why = {
        "en": "Two questions, and you know where to begin. What is really best, your validation photos decide.",
        "ja": "2 つの問いで、どこから始めるかが決まります。本当に良いのはどれかは、検証用の画像が決めます。",
    }
    hints = (
        {
            "en": "Ask of each: few photos or many? And would they look at home among photos of dogs and cups?",
            "ja": "それぞれについて考えます。枚数は少ないか、多いか。犬やカップの画像に混じっていても違和感がないか。",
        },
        {
            "en": "Few photos: a probe. Many: fine-tuning. The less they look like everyday photos, the earlier you begin to change things.",
            "ja": "少なければプローブ、多ければファインチューニングです。日常の画像と似ていないほど、より手前のステージから手を付けます。",
        },
    )
    solution = """
advice = {"A": "probe last", "B": "probe middle", "C": "tune last", "D": "tune most"}
"""
    wrong = (
        ('advice = {"A": "tune last", "B": "probe middle", "C": "tune last", "D": "tune most"}', "A has few photos"),
        (
            'advice = {"A": "probe last", "B": "probe last", "C": "tune last", "D": "tune most"}',
            "unlike everyday photos",
        ),
        ('advice = {"A": "probe last", "B": "probe middle", "C": "tune most", "D": "tune most"}', "fit already"),
        ('advice = {"A": "probe last", "B": "probe middle", "C": "tune last", "D": "tune last"}', "much to learn anew"),
        ('advice = {"A": "probe", "B": "probe middle", "C": "tune last", "D": "tune most"}', "one of four"),
        ('advice = {"A": "probe last"}', "no advice"),
        ('advice = ["probe last", "probe middle", "tune last", "tune most"]', "a dictionary"),
    )

    def check(self, advice):
        """Look at one factory after the other."""
        if not isinstance(advice, dict):
            raise NotYet(
                "`advice` should stay a dictionary, with a word for each of A, B, C and D.",
                "`advice` は辞書のままにして、A から D のそれぞれに書いてください。",
            )
        for name, (right, en, ja) in CASES.items():
            said = advice.get(name)
            if said is None:
                raise NotYet(f"There is no advice for {name}.", f"{name} への助言がありません。")
            if said not in WAYS:
                words = ", ".join(WAYS)
                raise NotYet(
                    f"{name} gets the advice '{said}'; write one of four: {words}.",
                    f"{name} が '{said}' になっています。{words} のどれかを書いてください。",
                )
            if said != right:
                raise NotYet(
                    f"For {name}, '{said}' is not the first thing to try: {en}.",
                    f"{name} に '{said}' は最初の一手ではありません。{ja}。",
                )


class UsualNumbers(Guess):
    """Nothing warns of a preprocessing that belongs to other weights."""

    id = "09-usual-numbers"
    ask = {
        "en": "The probe stays as it is. But its validation photos are prepared with the numbers of another network, those that most "
        "examples on the web use. What happens to its accuracy?",
        "ja": "プローブはそのままで、検証用の画像だけを、別のネットワークの値（ウェブの例でよく見る値）で前処理します。正解率はどうなるでしょうか。",
    }
    choices = {
        "same": {"en": "It changes by 2 points at most: a photo is a photo", "ja": "変化は 2 ポイント以内（画像は画像だから）"},
        "some": {"en": "It falls by 2 to 10 points", "ja": "2〜10 ポイント下がる"},
        "much": {"en": "It falls by more than 10 points", "ja": "10 ポイントより大きく下がる"},
        "error": {"en": "Python stops with an error", "ja": "エラーで止まる"},
    }  # fmt: skip
    see = {
        "en": "No error, no warning: any numbers go through a network. So the preprocessing has to travel with the weights, "
        "as `backbone.mean` and `backbone.std` do.",
        "ja": "エラーも警告もありません。ネットワークはどんな数でも受け取るからです。だから前処理は、`backbone.mean` や `backbone.std` "
        "のように、重みと一緒に持ち運ぶ必要があります。",
    }


class FrozenInTrainMode(Guess):
    """Freezing stops gradients; batch normalisation needs none."""

    id = "09-frozen-in-train-mode"
    ask = {
        "en": "Every parameter of a network is frozen. Somebody calls `train()` and lets it look at eight photos, without a loss and without "
        "an optimizer. What has changed in the network afterwards?",
        "ja": "ネットワークのパラメーターをすべて固定しました。誰かが `train()` を呼び、損失もオプティマイザーも使わずに画像を 8 枚通します。"
        "その後、ネットワークの何が変わっているでしょうか。",
    }
    choices = {
        "nothing": {"en": "Nothing: frozen is frozen", "ja": "何も変わらない（固定したのだから）"},
        "parameters": {"en": "Some parameters", "ja": "パラメーターの一部"},
        "buffers": {"en": "No parameter, but other numbers that it keeps", "ja": "パラメーターは変わらないが、保持しているほかの数値が変わる"},
    }  # fmt: skip
    see = {
        "en": "Batch normalisation keeps a running mean and variance of what it has seen. They are no parameters, so no switch "
        "holds them; train mode moves them, and eval mode leaves them alone.",
        "ja": "バッチ正規化は、見たものの平均と分散を保持し続けます。これはパラメーターではないのでスイッチが効かず、train モードで動きます。"
        "eval モードなら動きません。",
    }


class Ahead(Guess):
    """Who is ahead of the probe, surely?"""

    id = "09-ahead"
    ask = {
        "en": "Same photos, same pixels. Which of the three networks beats the probe by so much that luck with these photos can hardly "
        "explain it?",
        "ja": "同じ画像、同じ画素数です。3 つのネットワークのうち、偶然とは言いにくいほどプローブに勝つのはどれでしょうか。",
    }
    choices = {
        "none": {"en": "None of them", "ja": "どれも勝てない"},
        "fine-tuned": {"en": "Only the fine-tuned one", "ja": "ファインチューニングだけ"},
        "new head": {"en": "The new head and the fine-tuned one", "ja": "新しいヘッドとファインチューニング"},
        "from scratch": {"en": "All three", "ja": "3 つとも"},
    }
    see = {
        "en": "Look at the interval of each difference. Where it contains 0, these photos cannot say which of the two is better.",
        "ja": "差の区間を見てください。0 を含むなら、この画像だけではどちらが良いか言えません。",
    }


class OtherCrystal(Guess):
    """Negative transfer."""

    id = "09-other-crystal"
    ask = {
        "en": "A probe learns from mono cells only, and is right on most of them. Of 100 poly cells, on how many is it right?",
        "ja": "プローブを単結晶（mono）セルだけで学習させます。単結晶ではほとんど正解します。では多結晶（poly）セル 100 個では、何個正解するでしょうか。",
    }
    see = {
        "en": "Compare with always answering “functional”. What was learned on one crystal does harm on the other: this is negative "
        "transfer.",
        "ja": "常に「良品」と答えた場合と比べてください。一方の結晶で学んだことが、もう一方では害になります。これが負の転移です。",
    }
