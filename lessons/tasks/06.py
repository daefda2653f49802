"""Tasks and guesses of lesson 6: a model from scratch."""

import torch
from torch import nn
from torch.nn import functional

from course_lib.quiz import Guess, NotYet, Task


class SizeAfter(Task):
    """Count the places of a window instead of remembering a formula."""

    id = "06-size-after"
    objective = "trace-shapes"
    defines = "size_after"
    prompt_ja = (
        "**課題 1：特徴マップの大きさ。** 画像の 1 辺に沿って窓を置ける場所の数を返す `size_after` を書いてください。"
        "幅 7 の行に幅 3 の窓なら 5 か所、2 ピクセルずつ動かす（ストライド 2）と 3 か所です。"
        "`padding=1` は行の両端に 0 を 1 つずつ足します。"
    )
    stub = '''
def size_after(size, kernel, stride=1, padding=0):
    """How many places a window has along a side of a photo."""
    ...
'''
    why = {
        "en": "You can follow the size of a photo through any network, without running it.",
        "ja": "どんなネットワークでも、動かさずに大きさの変化を追えるようになりました。",
    }
    hints = (
        {
            "en": "First let the padding make the row longer, at both ends. How long is it then?",
            "ja": "まずパディングで行が両端に伸びます。長さはいくつになりますか。",
        },
        {
            "en": "The first window begins at 0. The last one can begin at `length - kernel`. How many steps of `stride` fit "
            "between them?",
            "ja": "最初の窓は 0 から、最後の窓は `length - kernel` から始まります。その間に `stride` の歩幅で何歩進めますか。",
        },
        {
            "en": "Whole steps only: `//` divides and rounds down. And the window stands in one place before its first step.",
            "ja": "数えるのは丸ごとの歩数だけです。`//` は割り算をして切り捨てます。さらに、動く前の最初の場所も 1 つと数えます。",
        },
    )
    solution = """
def size_after(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride + 1
"""
    wrong = (
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return (size + 2 * padding - kernel) // stride",
            "before it moves",
        ),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return (size + 2 * padding - kernel) / stride + 1",
            "half a step",
        ),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return (size + padding - kernel) // stride + 1",
            "both ends",
        ),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return (size - kernel) // stride + 1",
            "`padding` changes nothing",
        ),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return size + 2 * padding - kernel + 1",
            "`stride` changes nothing",
        ),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    return (size + 2 * padding - kernel + 1) // stride",
            "one place to begin with",
        ),
        ("def size_after(size, kernel, stride=1, padding=0):\n    return size // stride", "`kernel` changes nothing"),
        (
            "def size_after(size, kernel, stride=1, padding=0):\n    print((size + 2 * padding - kernel) // stride + 1)",
            "behind `return`",
        ),
    )

    def check(self, size_after):
        """Ask for rows whose wrong answers differ."""
        cases = ((7, 3, 1, 0), (7, 3, 2, 0), (8, 3, 2, 0), (96, 3, 1, 1), (96, 7, 2, 3), (5, 5, 1, 0))
        found = [size_after(*case) for case in cases]
        mistakes = (
            (
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) // stride,
                "One place is missing each time: the window stands in one place before it moves.",
                "毎回 1 か所足りません。窓は動く前にも 1 か所に立っています。",
            ),
            (
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel) / stride + 1,
                "For a row of 8, a window of 3 and stride 2, you count 3.5 places. There is no half a step: round it down.",
                "長さ 8、窓 3、ストライド 2 で 3.5 か所になっています。半歩はないので切り捨ててください。",
            ),
            (
                lambda size, kernel, stride, padding: (size + padding - kernel) // stride + 1,
                "The padding is counted once. It is added at both ends of the row.",
                "パディングを 1 回しか数えていません。行の両端に足されます。",
            ),
            (
                lambda size, kernel, stride, padding: (size - kernel) // stride + 1,
                "`padding` changes nothing in your answer, but it makes the row longer.",
                "`padding` が結果に影響していません。パディングは行を長くします。",
            ),
            (
                lambda size, kernel, stride, padding: size + 2 * padding - kernel + 1,
                "`stride` changes nothing in your answer. A window that moves by two has fewer places.",
                "`stride` が結果に影響していません。2 ピクセルずつ動く窓の場所は少なくなります。",
            ),
            (
                lambda size, kernel, stride, padding: (size + 2 * padding - kernel + 1) // stride,
                "Only the steps are divided by the stride. The window has one place to begin with, whatever the stride.",
                "ストライドで割るのは歩数だけです。最初の 1 か所は、ストライドに関係なく数えます。",
            ),
            (
                lambda size, kernel, stride, padding: size // stride,
                "`kernel` changes nothing in your answer. The wider the window, the fewer places it has.",
                "`kernel` が結果に影響していません。窓が広いほど、置ける場所は少なくなります。",
            ),
        )
        for formula, en, ja in mistakes:
            if found == [formula(*case) for case in cases]:
                raise NotYet(en, ja)
        for case, places in zip(cases, found, strict=True):
            size, kernel, stride, padding = case
            self.expect(
                places,
                len(range(0, size + 2 * padding - kernel + 1, stride)),
                f"For a row of {size}, a window of {kernel}, stride {stride} and padding {padding}",
                f"長さ {size}、窓 {kernel}、ストライド {stride}、パディング {padding} に対し",
            )


def convolved(line):
    """A wrong or right answer to the second task: the line in the loop."""
    return (
        "def convolve(maps, kernel, bias, stride=1):\n"
        "    rows, columns = (maps.shape[1] - 3) // stride + 1, (maps.shape[2] - 3) // stride + 1\n"
        "    result = torch.zeros(rows, columns)\n"
        "    for row in range(rows):\n"
        "        for column in range(columns):\n"
        "            top, left = row * stride, column * stride\n"
        f"            {line}\n"
        "    return result\n"
    )


class Convolve(Task):
    """One box out of all maps, one sum, one bias."""

    id = "06-convolve"
    objective = "trace-shapes"
    defines = "convolve"
    prompt_ja = (
        "**課題 2：畳み込みを自分で書く。** `convolve` のループの中を書いてください。各場所ですべてのマップから箱を切り出し、"
        "カーネルを掛けて全部足し、最後にバイアスを足します。箱と箱の間隔はストライドで決まります。"
    )
    given = "import torch"
    stub = '''
def convolve(maps, kernel, bias, stride=1):
    """One feature map from maps (channels, height, width) and a kernel (channels, 3, 3)."""
    rows, columns = (maps.shape[1] - 3) // stride + 1, (maps.shape[2] - 3) // stride + 1
    result = torch.zeros(rows, columns)
    for row in range(rows):
        for column in range(columns):
            ...
    return result
'''
    why = {
        "en": "A convolution layer holds no secret any more: it is this loop, once for each kernel.",
        "ja": "畳み込み層に謎はなくなりました。カーネルごとに、このループを 1 回行うだけです。",
    }
    hints = (
        {
            "en": "In which row of the maps does the box for `row` begin? With a stride of 2, the boxes begin at 0, 2, 4, …",
            "ja": "`result` の `row` 行目に対応する箱は、マップの何行目から始まりますか。ストライド 2 なら 0、2、4、… です。",
        },
        {
            "en": "With `top = row * stride` and `left = column * stride`, `box = maps[:, top : top + 3, left : left + 3]` is a box "
            "out of all maps. It has the shape of the kernel.",
            "ja": "`top = row * stride`、`left = column * stride` とすると、`box = maps[:, top : top + 3, left : left + 3]` で、"
            "すべてのマップから箱が切り出せます。形はカーネルと同じです。",
        },
        {
            "en": "`result[row, column] = (box * kernel).sum() + bias`",
            "ja": "`result[row, column] = (box * kernel).sum() + bias`",
        },
    )
    solution = convolved("result[row, column] = (maps[:, top : top + 3, left : left + 3] * kernel).sum() + bias")
    wrong = (
        (
            convolved("result[row, column] = (maps[:, row : row + 3, column : column + 3] * kernel).sum() + bias"),
            "stride",
        ),
        (
            convolved("result[row, column] = (maps[:, top : top + 3, left : left + 3] * kernel).sum()"),
            "bias is missing",
        ),
        (
            convolved("result[row, column] = (maps[:, top : top + 3, left : left + 3] * kernel).mean() + bias"),
            "the mean",
        ),
        (convolved("result[row, column] = maps[:, top : top + 3, left : left + 3] * kernel + bias"), "single number"),
        (convolved("result[row, column] = (maps[:, top:3, left:3] * kernel).sum() + bias"), "another shape"),
        (
            convolved("result[row, column] = (maps[top : top + 3, left : left + 3] * kernel).sum() + bias"),
            "another shape",
        ),
        (
            convolved("result[row, column] = (maps[0, top : top + 3, left : left + 3] * kernel[0]).sum() + bias"),
            "only the first channel",
        ),
        (
            convolved(
                "result[row, column] = (maps[:, top : top + 3, left : left + 3] * kernel.flip(1, 2)).sum() + bias"
            ),
            "turned",
        ),
        (
            convolved("result[row, column] = ((maps[:, top : top + 3, left : left + 3] + bias) * kernel).sum()"),
            "was expected",
        ),
        (convolved("result = (maps[:, top : top + 3, left : left + 3] * kernel).sum() + bias"), "one place"),
        (
            convolved(
                "for c in range(len(maps)):\n                for i in range(3):\n                    for j in range(3):\n"
                "                        result[row, column] += maps[c, top + i, left + j] * kernel[c, i, j] + bias"
            ),
            "to each product",
        ),
        (
            convolved(
                "for c in range(len(maps)):\n                for i in range(3):\n                    for j in range(3):\n"
                "                        result[row, column] = maps[c, top + i, left + j] * kernel[c, i, j] + bias"
            ),
            "last product",
        ),
    )

    def check(self, convolve):
        """Compare with torch on two channels of whole numbers."""
        numbers = torch.Generator().manual_seed(0)
        maps = torch.randint(0, 10, (2, 7, 9), generator=numbers).float()
        kernel = torch.randint(-3, 4, (2, 3, 3), generator=numbers).float()
        bias = torch.tensor(0.5)
        for stride in (1, 2):
            self.look(self.result(convolve, maps, kernel, bias, stride), maps, kernel, bias, stride)

    def result(self, convolve, maps, kernel, bias, stride):
        """The learner's map; errors of torch about shapes are said in words."""
        try:
            found = convolve(maps, kernel, bias, stride)
        except NotYet as stopped:
            if "must match" not in stopped.en and "expand" not in stopped.en:
                raise
            if "expand" in stopped.en:
                raise NotYet(
                    "Each place of the result takes a single number, but it gets a whole box: add up the products.",
                    "`result` の 1 つの場所に入るのは 1 つの数ですが、箱が丸ごと入っています。積を合計してください。",
                ) from None
            raise NotYet(
                "The box has another shape than the kernel. It needs three parts, `maps[…, …, …]`: all channels, three rows, "
                "three columns. Each slice ends 3 after its beginning.",
                "箱とカーネルの形が違います。`maps[…, …, …]` にはチャンネル（全部）、3 行、3 列の 3 つが必要です。"
                "行と列のスライスは、どちらも始まりの 3 つ先で終わります。",
            ) from None
        if torch.is_tensor(found) and found.ndim == 0:
            raise NotYet(
                "You give back a single number. Write each sum into one place of the map: `result[row, column] = …`.",
                "1 つの数だけが返されています。合計を `result[row, column] = …` でマップの各場所に書き込んでください。",
            )
        return found

    def look(self, found, maps, kernel, bias, stride):
        """Refuse a map that is not torch's."""

        def torchs(maps, kernel, bias, stride=stride):
            return functional.conv2d(maps[None], kernel[None], bias[None], stride=stride)[0, 0]

        right = torchs(maps, kernel, bias)
        height, width = right.shape
        mistakes = (
            (
                torchs(maps, kernel, bias, 1)[:height, :width],
                "With stride 1 it is right, but with stride 2 the boxes still lie only 1 pixel apart.",
                "ストライド 1 では正解ですが、ストライド 2 でも箱が 1 ピクセルずつしか動いていません。",
            ),
            (
                right - bias,
                "The bias is missing: it is added to each sum.",
                "バイアスが抜けています。各合計に足します。",
            ),
            (
                (right - bias) / kernel.numel() + bias,
                "That is the mean of the products, not their sum.",
                "それは積の平均です。合計を求めてください。",
            ),
            (
                right - bias + kernel.numel() * bias,
                "The bias is added to each product. Add it once, to the whole sum.",
                "積ごとにバイアスを足しています。バイアスは合計に 1 回だけ足します。",
            ),
            (
                maps[-1, 2::stride, 2::stride] * kernel[-1, -1, -1] + bias,
                "Only the last product of each box is left. The products must be added up: `+=`, not `=`.",
                "箱ごとに最後の積しか残っていません。`=` ではなく `+=` で積を足し合わせてください。",
            ),
            (
                torchs(maps[:1], kernel[:1], bias),
                "Your sum has only the first channel in it. The box goes through all maps.",
                "最初のチャンネルしか合計されていません。箱はすべてのマップを通ります。",
            ),
            (
                torchs(maps, kernel.flip(1, 2), bias),
                "The kernel is turned by 180°. That is how mathematicians define a convolution; PyTorch lays the kernel down as it is.",
                "カーネルが 180° 回っています。数学の畳み込みの定義はそうですが、PyTorch はカーネルをそのまま重ねます。",
            ),
        )
        for result, en, ja in mistakes:
            comparable = torch.is_tensor(found) and found.shape == right.shape and not torch.equal(result, right)
            if comparable and torch.allclose(found, result):
                raise NotYet(en, ja)
        case = (
            f"For two maps of 7 × 9, a kernel of 2 × 3 × 3, bias 0.5 and stride {stride}",
            f"7 × 9 のマップ 2 枚、2 × 3 × 3 のカーネル、バイアス 0.5、ストライド {stride}",
        )
        if not torch.is_tensor(found) or found.shape != right.shape:
            self.expect(found, right, case[0], f"{case[1]} に対し")
            return
        for (row, column), number in zip(
            torch.cartesian_prod(*map(torch.arange, right.shape)), right.ravel(), strict=True
        ):
            self.expect(
                found[row, column].item(),
                number.item(),
                f"{case[0]}, in row {row}, column {column} of the result",
                f"{case[1]} に対し、{row} 行 {column} 列の値として",
                tolerance=1e-4,
            )


class ParametersOf(Task):
    """Weights for each pair of channels, a bias for each kernel."""

    id = "06-parameters-of"
    objective = "count-parameters"
    defines = "parameters_of"
    prompt_ja = (
        "**課題 3：パラメーターを数える。** 正方形のカーネルを持つ畳み込み層のパラメーター数を返す `parameters_of` を書いてください。"
        "`bias=False` はバイアスのない層を表します。"
    )
    stub = '''
def parameters_of(channels_in, channels_out, kernel, bias=True):
    """How many numbers training can change in a convolution layer."""
    ...
'''
    why = {
        "en": "You can tell how large a layer is, and where a network keeps its weights, from one line of code.",
        "ja": "コードを 1 行見るだけで、層の大きさや、ネットワークのどこに重みが集まっているかが分かります。",
    }
    hints = (
        {
            "en": "How many numbers has one kernel? Task 2 had kernels with the shape (channels, 3, 3).",
            "ja": "カーネル 1 つにはいくつの数がありますか。課題 2 のカーネルの形は (チャンネル, 3, 3) でした。",
        },
        {
            "en": "There is one kernel for each channel that comes out, and each kernel has one bias, or none.",
            "ja": "カーネルは出力チャンネルごとに 1 つあり、それぞれにバイアスが 1 つあるか、まったくないかです。",
        },
        {
            "en": "`channels_out * (channels_in * kernel * kernel + 1)` with biases; without them, leave out the `+ 1`.",
            "ja": "バイアスがあれば `channels_out * (channels_in * kernel * kernel + 1)`、なければ `+ 1` を省きます。",
        },
    )
    solution = """
def parameters_of(channels_in, channels_out, kernel, bias=True):
    weights = channels_out * channels_in * kernel * kernel
    return weights + channels_out if bias else weights
"""
    wrong = (
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_out * channels_in * kernel * kernel",
            "biases are missing",
        ),
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_out * channels_in * kernel * kernel + channels_out",
            "although `bias=False`",
        ),
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_out * channels_in * kernel * kernel + bias",
            "one bias in all",
        ),
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_out * kernel * kernel + (channels_out if bias else 0)",
            "channels that come in",
        ),
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_out * channels_in * kernel + (channels_out if bias else 0)",
            "rows and columns",
        ),
        (
            "def parameters_of(channels_in, channels_out, kernel, bias=True):\n"
            "    return channels_in * kernel * kernel + channels_out",
            "kernels of their own",
        ),
    )

    def check(self, parameters_of):
        """Ask for layers whose wrong answers differ."""
        cases = ((1, 16, 3, True), (3, 8, 5, True), (16, 32, 3, False))
        found = [parameters_of(*case) for case in cases]
        weights = [ins * outs * kernel**2 for ins, outs, kernel, _ in cases]
        outs = [case[1] for case in cases]
        mistakes = (
            (
                weights,
                "The biases are missing: each kernel has one.",
                "バイアスが抜けています。カーネルごとに 1 つあります。",
            ),
            (
                [number + out for number, out in zip(weights, outs, strict=True)],
                "You count biases although `bias=False`.",
                "`bias=False` なのにバイアスを数えています。",
            ),
            (
                [weights[0] + 1, weights[1] + 1, weights[2]],
                "You count one bias in all. Each kernel has a bias of its own.",
                "バイアスを全体で 1 つだけ数えています。カーネルごとに 1 つあります。",
            ),
            (
                [16 * 9 + 16, 8 * 25 + 8, 32 * 9],
                "A kernel reaches through all the channels that come in, and has weights for each of them.",
                "カーネルは入力チャンネルすべてにまたがり、チャンネルごとに重みを持ちます。",
            ),
            (
                [16 * 3 + 16, 3 * 8 * 5 + 8, 16 * 32 * 3],
                "A kernel has rows and columns: `kernel` counts twice.",
                "カーネルには行と列があるので、`kernel` は 2 回掛けます。",
            ),
        )
        for numbers, en, ja in mistakes:
            if found == numbers:
                raise NotYet(en, ja)
        if found[0] == 9 + 16:
            raise NotYet(
                "You count one kernel. The channels that come out have kernels of their own.",
                "カーネルを 1 つしか数えていません。出力チャンネルごとに 1 つあります。",
            )
        for case, number in zip(cases, found, strict=True):
            ins, outs, kernel, bias = case
            layer = nn.Conv2d(ins, outs, kernel, bias=bias)
            self.expect(
                number,
                sum(parameter.numel() for parameter in layer.parameters()),
                f"For channels_in={ins}, channels_out={outs}, kernel={kernel} and bias={bias}",
                f"入力 {ins}、出力 {outs} チャンネル、カーネル {kernel}、bias={bias} に対し",
            )


class CourseBlock(nn.Module):
    """What the learner's block is compared with."""

    def __init__(self, channels_in, channels_out, kernel=3):
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride=2, padding=kernel // 2, bias=False)
        self.normalisation = nn.BatchNorm2d(channels_out)

    def forward(self, images):
        return functional.relu(self.normalisation(self.convolution(images)))


def blocks(layers, forward):
    """An answer to the fourth task: the lines of __init__ and what forward returns."""
    lines = "\n".join(f"        {line}" for line in layers)
    return (
        "class Block(nn.Module):\n"
        "    def __init__(self, channels_in, channels_out, kernel=3):\n"
        "        super().__init__()\n"
        f"{lines}\n\n"
        "    def forward(self, images):\n"
        f"        {forward}\n"
    )


CONVOLUTION = (
    "self.convolution = nn.Conv2d(channels_in, channels_out, kernel, stride=2, padding=kernel // 2, bias=False)"
)
NORMALISATION = "self.normalisation = nn.BatchNorm2d(channels_out)"
FORWARD = "return functional.relu(self.normalisation(self.convolution(images)))"


class Block(Task):
    """A part of a network as a class: layers in `__init__`, their order in `forward`."""

    id = "06-block"
    objective = "write-block"
    defines = "Block"
    prompt_ja = (
        "**課題 4：ブロックを書く。** このネットワークは同じ作りのブロックを重ねたものです。その 1 つを `Block` として書いてください。"
        "ストライド 2 でバイアスなしの畳み込み、バッチ正規化、ReLU の順です。パディングはカーネルの半分（切り捨て）にして、"
        "どのブロックでも大きさが半分になるようにします。この先のレッスンはあなたのブロックで計算します。"
    )
    given = "import torch\nfrom torch import nn\nfrom torch.nn import functional"
    stub = '''
class Block(nn.Module):
    """Convolution with stride 2, batch normalisation, ReLU: half the size."""

    def __init__(self, channels_in, channels_out, kernel=3):
        super().__init__()
        ...

    def forward(self, images):
        """Photos or maps (N, channels, height, width) to maps of half the size."""
        ...
'''
    why = {
        "en": "Large networks are written just like this: a few classes, used many times.",
        "ja": "大きなネットワークも同じ書き方です。少数のクラスを何度も使って組み立てます。",
    }
    hints = (
        {
            "en": "In `__init__` make two layers and keep them: `self.convolution = nn.Conv2d(…)` and `self.normalisation = …`. "
            "ReLU has no parameters; `functional.relu` in `forward` is enough.",
            "ja": "`__init__` で層を 2 つ作って保存します：`self.convolution = nn.Conv2d(…)` と `self.normalisation = …`。"
            "ReLU にはパラメーターがないので、`forward` の中の `functional.relu` で十分です。",
        },
        {
            "en": "The convolution gets `channels_in, channels_out, kernel` and three named settings: `stride`, `padding`, `bias`. "
            "`nn.BatchNorm2d` gets the number of channels that come out of the convolution.",
            "ja": "畳み込みには `channels_in, channels_out, kernel` と、`stride`、`padding`、`bias` の 3 つの設定を渡します。"
            "`nn.BatchNorm2d` に渡すのは、畳み込みから出てくるチャンネル数です。",
        },
        {
            "en": "`forward` passes the result of each step on to the next, and gives back the last: "
            "`return functional.relu(self.normalisation(self.convolution(images)))`.",
            "ja": "`forward` は各段の結果を次に渡し、最後の結果を返します："
            "`return functional.relu(self.normalisation(self.convolution(images)))`。",
        },
    )
    solution = blocks([CONVOLUTION, NORMALISATION], FORWARD)
    wrong = (
        (blocks([CONVOLUTION.replace(", bias=False", ""), NORMALISATION], FORWARD), "has a bias"),
        (blocks([CONVOLUTION.replace("stride=2, ", ""), NORMALISATION], FORWARD), "stride"),
        (blocks([CONVOLUTION.replace("padding=kernel // 2, ", ""), NORMALISATION], FORWARD), "padding"),
        (blocks([CONVOLUTION.replace("kernel // 2", "1"), NORMALISATION], FORWARD), "kernel of 7"),
        (
            blocks([CONVOLUTION.replace("kernel, stride", "3, stride"), NORMALISATION], FORWARD),
            "`kernel` changes nothing",
        ),
        (blocks([CONVOLUTION], "return functional.relu(self.convolution(images))"), "normalisation is missing"),
        (
            blocks([CONVOLUTION, NORMALISATION], "return functional.relu(self.convolution(images))"),
            "left out in `forward`",
        ),
        (blocks([CONVOLUTION, NORMALISATION], "return self.normalisation(self.convolution(images))"), "ReLU"),
        (
            blocks(
                [CONVOLUTION, NORMALISATION], "return self.normalisation(functional.relu(self.convolution(images)))"
            ),
            "ReLU",
        ),
        (blocks([CONVOLUTION, NORMALISATION.replace("_out", "_in")], FORWARD), "counts the channels"),
        (blocks([CONVOLUTION, NORMALISATION], FORWARD.replace("return ", "")), "behind `return`"),
        (
            blocks(
                [
                    "self.layers = [nn.Conv2d(channels_in, channels_out, kernel, 2, kernel // 2), nn.BatchNorm2d(channels_out)]"
                ],
                "return functional.relu(self.layers[1](self.layers[0](images)))",
            ),
            "finds no parameters",
        ),
        (blocks([CONVOLUTION.removeprefix("self."), NORMALISATION], FORWARD), "is not kept in `self`"),
        (
            blocks([CONVOLUTION, NORMALISATION.removeprefix("self.")], FORWARD.replace("self.norm", "norm")),
            "does not know `normalisation`",
        ),
        (blocks([CONVOLUTION.replace("//", "/"), NORMALISATION], FORWARD), "decimal point"),
        (blocks([CONVOLUTION.replace("channels_in", "1"), NORMALISATION], FORWARD), "number of channels"),
        (
            blocks(
                [CONVOLUTION, NORMALISATION, "self.relu = nn.ReLU"], FORWARD.replace("functional.relu", "self.relu")
            ),
            "with parentheses",
        ),
    )

    def check(self, Block):
        """Look at parameters, shape and ReLU one by one, then compare the numbers with the course's block."""
        torch.manual_seed(0)
        images = torch.randn(5, 4, 14, 14)
        for kernel in (3, 7):
            torch.manual_seed(1)
            block = Block(4, 6, kernel=kernel)
            found = self.forward(block, images)
            self.look_at_parameters(block, kernel)
            self.look_at_shape(found, kernel)
            if found.min() < 0:
                raise NotYet(
                    "Negative numbers come out of the block. ReLU stands last and turns them into 0.",
                    "ブロックから負の数が出ています。ReLU は最後にあって、負の数を 0 にします。",
                )
            torch.manual_seed(1)
            if not torch.allclose(found, CourseBlock(4, 6, kernel)(images), atol=1e-5):
                raise NotYet(
                    "The layers are there, but the numbers are others. Is one of them left out in `forward`, or in another place?",
                    "層はそろっていますが、結果の数値が違います。`forward` で使い忘れた層や、順番の違う層はありませんか。",
                )

    def forward(self, block, images):
        """What the block makes of a batch; a few errors of torch in words."""
        try:
            found = block(images)
        except AttributeError as error:
            name = str(error).split("'")[-2] if "'" in str(error) else "?"
            raise NotYet(
                f"`forward` looks for `self.{name}`, but a layer of this name is not kept in `self`: `self.{name} = …` in `__init__`.",
                f"`forward` が `self.{name}` を探していますが、見つかりません。`__init__` で `self.{name} = …` として保存してください。",
            ) from None
        except NameError as error:
            raise NotYet(
                f"`forward` does not know `{error.name}`. A layer is kept as `self.{error.name} = …` in `__init__`, and called as "
                f"`self.{error.name}(…)` in `forward`.",
                f"`forward` から `{error.name}` が見えません。層なら、`__init__` で `self.{error.name} = …` として保存し、`forward` では "
                f"`self.{error.name}(…)` として呼び出します。",
            ) from None
        except TypeError as error:
            if "(float, float)" not in str(error):
                raise
            raise NotYet(
                "A setting of the convolution is a number with a decimal point. For whole numbers use `//`: `kernel // 2`.",
                "畳み込みの設定に小数が渡されています。整数にするには `kernel // 2` のように `//` で割ってください。",
            ) from None
        except RuntimeError as error:
            if "channels" in str(error):
                raise NotYet(
                    "A convolution got another number of channels than it was made for. It is made with `channels_in`, and called as "
                    "`self.…`; without `self.` you call a layer of an earlier cell.",
                    "畳み込みが、作ったときと違う数のチャンネルを受け取りました。`channels_in` を使って作り、`self.…` として呼び出します。"
                    "`self.` がないと、前のセルの層が呼ばれます。",
                ) from None
            if "running_mean" not in str(error):
                raise
            raise NotYet(
                "`nn.BatchNorm2d` counts the channels of the maps that it gets: those that come out of the convolution.",
                "`nn.BatchNorm2d` に渡すのは、受け取るマップのチャンネル数です。つまり畳み込みから出てくる数です。",
            ) from None
        if isinstance(found, nn.Module):
            raise NotYet(
                "`forward` gave a layer, not numbers. A layer is made with parentheses, `nn.ReLU()`, before it is called.",
                "`forward` から数値ではなく層が返されました。層は `nn.ReLU()` のように括弧を付けて作ってから呼び出します。",
            )
        if not torch.is_tensor(found):
            raise NotYet(
                "`forward` gave None: it gives back only what stands behind `return`.",
                "`forward` の結果が None です。返されるのは `return` の後に書いた値だけです。",
            )
        return found

    def look_at_parameters(self, block, kernel):
        """Count them: a bias, a missing layer or a layer in a plain list shows."""
        count = sum(parameter.numel() for parameter in block.parameters())
        weights = 6 * 4 * kernel**2
        mistakes = {
            0: (
                "PyTorch finds no parameters in your block, so training could change nothing. Keep each layer in `self` under "
                "a name of its own; a plain list hides them.",
                "ブロックにパラメーターが見つからないため、学習しても何も変わりません。層は 1 つずつ名前を付けて `self` に保存してください。"
                "普通のリストに入れると見つかりません。",
            ),
            weights: (
                "The batch normalisation is missing: it has two parameters for each channel.",
                "バッチ正規化がありません。チャンネルごとに 2 つのパラメーターを持つ層です。",
            ),
            weights + 6 + 12: (
                "The convolution has a bias. The normalisation takes it away again, so leave it out.",
                "畳み込みにバイアスがあります。正規化で打ち消されるので、なくしてください。",
            ),
            6 * 4 * 9 + 12: (
                "`kernel` changes nothing: a block with a kernel of 7 has as many parameters as one with 3.",
                "`kernel` が結果に影響していません。カーネル 7 でも 3 と同じパラメーター数です。",
            ),
        }
        if count != weights + 12 and count in mistakes:
            raise NotYet(*mistakes[count])
        self.expect(
            count,
            weights + 12,
            f"As the number of its parameters with channels_in=4, channels_out=6 and kernel={kernel}",
            f"入力 4、出力 6 チャンネル、カーネル {kernel} のパラメーター数として",
        )

    def look_at_shape(self, found, kernel):
        """14 pixels become 7."""
        size = found.shape[-1]
        if size in (14, 12, 8 if kernel == 7 else 0):
            raise NotYet(
                f"14 pixels became {size}. A stride of 2 halves the size.",
                f"14 ピクセルが {size} になりました。ストライド 2 なら半分になります。",
            )
        if kernel == 7 and size != 7:
            raise NotYet(
                f"With a kernel of 7, 14 pixels became {size}. The padding has to grow with the kernel.",
                f"カーネル 7 では 14 ピクセルが {size} になりました。パディングはカーネルに合わせて大きくします。",
            )
        if size == 6:
            raise NotYet(
                "14 pixels became 6, not 7. The padding is missing.",
                "14 ピクセルが 7 ではなく 6 になりました。パディングがありません。",
            )
        self.expect(
            tuple(found.shape),
            (5, 6, 7, 7),
            "As the shape for 5 photos with 4 channels of 14 × 14",
            "14 × 14、4 チャンネルの画像 5 枚に対する形状として",
        )


def fields(line):
    """An answer to the fifth task: what happens for each window."""
    return (
        "def receptive_field(layers):\n    field, step = 1, 1\n    for kernel, stride in layers:\n"
        f"        {line}\n    return field\n"
    )


class ReceptiveField(Task):
    """Each stride makes the steps of all later windows longer."""

    id = "06-receptive-field"
    objective = "trace-shapes"
    defines = "receptive_field"
    prompt_ja = (
        "**課題 5：受容野。** 窓を (カーネル, ストライド) の組のリストで受け取り、最後の 1 つの数が画像の何ピクセル分の幅を"
        "見ているかを返す `receptive_field` を書いてください。例：カーネル 7、ストライド 2 の窓なら幅は 7。その結果の隣どうしは画像の"
        "上で 2 ピクセル離れているので、次のカーネル 3、ストライド 2 の窓で 2 × 2 増えて 11。隣どうしは 4 ピクセル間隔になり、その次の"
        "カーネル 3 の窓で 2 × 4 増えて 19 です。"
    )
    stub = '''
def receptive_field(layers):
    """How many pixels wide one number sees after layers such as [(7, 2), (3, 2)]."""
    field, step = 1, 1  # of the photo itself: a pixel sees itself, and neighbours are 1 pixel apart
    ...
    return field
'''
    why = {
        "en": "A crack that is longer than the receptive field is not seen as a whole by any number of the network.",
        "ja": "受容野より長いひび割れの全体を見ている数は、ネットワークのどこにもありません。",
    }
    hints = (
        {
            "en": "Go through the windows with `for kernel, stride in layers:`. Each one makes the field wider, and the step longer.",
            "ja": "`for kernel, stride in layers:` で窓を順にたどります。窓ごとに受容野が広がり、歩幅が長くなります。",
        },
        {
            "en": "A window of 3 adds 2 neighbours, a window of 7 adds 6. Each is `step` pixels away from the next.",
            "ja": "3 の窓で隣が 2 つ、7 の窓で 6 つ増えます。隣どうしの間隔は `step` ピクセルです。",
        },
        {
            "en": "First `field += (kernel - 1) * step`, then the stride multiplies the step for the windows that follow.",
            "ja": "まず `field += (kernel - 1) * step`、その後で、次からの窓のために歩幅にストライドを掛けます。",
        },
    )
    solution = fields("field, step = field + (kernel - 1) * step, step * stride")
    wrong = (
        (fields("field, step = field + kernel * step, step * stride"), "counted once too often"),
        (fields("field += kernel - 1"), "1 pixel apart"),
        (fields("field += (kernel - 1) * stride"), "strides before it"),
        (fields("return field + (kernel - 1) * step"), "inside the loop"),
        (fields("step *= stride; field += (kernel - 1) * step"), "only after it"),
        (fields("field, step = field + (kernel - 1) * step, step + stride"), "multiply"),
        (fields("field, step = field + (kernel - 1) * step, stride"), "forgets the strides before"),
        ("def receptive_field(layers):\n    return sum(kernel for kernel, stride in layers)", "the kernels added up"),
        ("def receptive_field(layers):\n    return max(kernel for kernel, stride in layers)", "widest window"),
    )

    def check(self, receptive_field):
        """Ask for networks whose wrong answers differ."""
        cases = ([(3, 1)], [(7, 2), (3, 2)], [(7, 2), (3, 2), (3, 2), (5, 3)], [(2, 3), (3, 1), (3, 1)])
        found = [receptive_field(list(case)) for case in cases]

        def walked(layers, width, longer, before=False):
            field, step = 1, 1
            for kernel, stride in layers:
                step = longer(step, stride) if before else step
                field += width(kernel, step)
                step = step if before else longer(step, stride)
            return field

        def reach(kernel, step):
            return (kernel - 1) * step

        def times(step, stride):
            return step * stride

        mistakes = (
            (
                lambda layers: walked(layers, lambda kernel, step: kernel * step, times),
                "The place in the middle is counted once too often: a window of 3 adds only 2 neighbours.",
                "中央の分を余計に数えています。3 の窓で増える隣は 2 つだけです。",
            ),
            (
                lambda layers: walked(layers, lambda kernel, step: kernel - 1, times),
                "You take all neighbours to be 1 pixel apart. After a stride of 2 they are 2 pixels of the photo apart.",
                "隣どうしをいつも 1 ピクセル間隔としています。ストライド 2 の後は、画像の上で 2 ピクセル離れています。",
            ),
            (
                lambda layers: 1 + sum((kernel - 1) * stride for kernel, stride in layers),
                "You multiply by the window's own stride. How far apart its neighbours are comes from all the strides before it: `step`.",
                "その窓自身のストライドを掛けています。隣どうしの間隔を決めるのは、それより前のすべてのストライド、つまり `step` です。",
            ),
            (
                lambda layers: layers[0][0],
                "Only the first window counts. Does your `return` stand inside the loop?",
                "最初の窓しか数えていません。`return` がループの中に入っていませんか。",
            ),
            (
                lambda layers: walked(layers, reach, times, before=True),
                "The stride of a window counts too early: neighbours lie further apart only after it.",
                "ストライドを数えるのが早すぎます。間隔が広がるのは、その窓の後です。",
            ),
            (
                lambda layers: walked(layers, reach, lambda step, stride: step + stride),
                "The strides are added up. Two strides of 2 put neighbours 4 pixels apart, two of 3 put them 9 apart: multiply.",
                "ストライドを足し合わせています。ストライド 2 が 2 回で 4 ピクセル、3 が 2 回で 9 ピクセル。掛け算です。",
            ),
            (
                lambda layers: walked(layers, reach, lambda step, stride: stride),
                "The step forgets the strides before: after two strides of 2, neighbours are 4 pixels apart.",
                "前のストライドを忘れています。ストライド 2 が 2 回なら、間隔は 4 ピクセルです。",
            ),
            (
                lambda layers: sum(kernel for kernel, _ in layers),
                "Those are the kernels added up. A window adds its neighbours, and they are `step` pixels apart.",
                "それはカーネルの合計です。窓は隣の分だけ受容野を広げ、その間隔は `step` ピクセルです。",
            ),
            (
                lambda layers: max(kernel for kernel, _ in layers),
                "That is the widest window. Each further window makes the field wider still.",
                "それは最も広い窓です。窓が続くたびに、受容野はさらに広がります。",
            ),
        )
        for formula, en, ja in mistakes:
            if found == [formula(case) for case in cases]:
                raise NotYet(en, ja)
        for layers, field in zip(cases, found, strict=True):
            self.expect(field, walked(layers, reach, times), f"For {layers}", f"{layers} に対し")


LOSS = "def loss_of(model, images, labels):\n"


class LossOf(Task):
    """The loss gets the logits, the reader gets the softmax."""

    id = "06-loss-of"
    objective = "use-logits"
    defines = "loss_of"
    prompt_ja = (
        "**課題 6：余計なソフトマックスを探す。** 同僚の関数を別の名前で載せました。直してください。"
        "損失と確率の 2 つを返すことは変えません。"
    )
    given = "import torch\nfrom torch import nn\nfrom torch.nn import functional"
    stub = '''
def loss_of(model, images, labels):
    """The loss of a batch, and the probability of each class for each photo."""
    probabilities = model(images).softmax(dim=1)
    loss = nn.CrossEntropyLoss()(probabilities, labels)
    return loss, probabilities
'''
    why = {
        "en": "This mistake raises no error and can cost weeks; a batch that cannot be memorised gives it away in seconds.",
        "ja": "この間違いはエラーにならず、何週間も気づかないことがあります。丸暗記の点検なら数秒で見つかります。",
    }
    hints = (
        {
            "en": "Who takes a softmax? The second line does. And `nn.CrossEntropyLoss` does, inside.",
            "ja": "ソフトマックスを行うのは誰でしょうか。2 行目と、`nn.CrossEntropyLoss` の内部です。",
        },
        {
            "en": "Keep what the model gives under a name of its own: `logits = model(images)`.",
            "ja": "モデルの出力を `logits = model(images)` のように、別の名前で残しておきます。",
        },
        {
            "en": "The loss gets `logits`. What is returned as the second thing is `logits.softmax(dim=1)`.",
            "ja": "損失には `logits` を渡します。2 つ目に返すのは `logits.softmax(dim=1)` です。",
        },
    )
    solution = f"""
{LOSS}    logits = model(images)
    loss = nn.CrossEntropyLoss()(logits, labels)
    return loss, logits.softmax(dim=1)
"""
    wrong = (
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.CrossEntropyLoss()(logits.softmax(dim=1), labels)\n"
            "    return loss, logits.softmax(dim=1)",
            "still gets probabilities",
        ),
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.CrossEntropyLoss()(logits, labels)\n    return loss, logits",
            "do not add up to 1",
        ),
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.CrossEntropyLoss()(logits, labels)\n"
            "    return loss, logits.softmax(dim=0)",
            "over the photos",
        ),
        (
            f"{LOSS}    probabilities = model(images).softmax(dim=1)\n"
            "    loss = nn.CrossEntropyLoss()(probabilities.log(), labels)\n    return loss, probabilities",
            "very sure",
        ),
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.CrossEntropyLoss()(logits, labels)\n    return loss",
            "two things",
        ),
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.CrossEntropyLoss(logits, labels)\n"
            "    return loss, logits.softmax(dim=1)",
            "empty parentheses",
        ),
        (
            f"{LOSS}    logits = model(images)\n    loss = nn.NLLLoss()(logits.softmax(dim=1), labels)\n"
            "    return loss, logits.softmax(dim=1)",
            "was expected",
        ),
    )

    def check(self, loss_of):
        """Give it a model that passes its input on, so that the photos are the logits."""
        logits = torch.tensor([[2.0, 0.5], [-1.0, 1.0], [3.0, -2.0]])
        labels = torch.tensor([0, 1, 1])
        try:
            found = loss_of(nn.Identity(), logits, labels)
        except NotYet as stopped:
            if "Boolean value" not in stopped.en:
                raise
            raise NotYet(
                "The loss is made first, with empty parentheses, and then called: `nn.CrossEntropyLoss()(…, …)`.",
                "損失は、まず空の括弧で作り、それから呼び出します：`nn.CrossEntropyLoss()(…, …)`。",
            ) from None
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet(
                "`loss_of` must return two things, the loss and the probabilities.",
                "`loss_of` は損失と確率の 2 つを返してください。",
            )
        loss, probabilities = found
        if torch.is_tensor(loss) and torch.isclose(loss, functional.cross_entropy(logits.softmax(dim=1), labels)):
            raise NotYet(
                "The loss still gets probabilities: a softmax is taken before it, and once more inside it.",
                "損失にはまだ確率が渡されています。その前と内部で、ソフトマックスが 2 回行われています。",
            )
        self.expect(
            loss,
            functional.cross_entropy(logits, labels),
            "As the loss of three photos",
            "画像 3 枚の損失として",
            tolerance=1e-4,
        )
        if torch.is_tensor(probabilities) and torch.allclose(probabilities, logits.softmax(dim=0)):
            raise NotYet(
                "The softmax runs over the photos. The probabilities of one photo must add up to 1, so it runs over the classes.",
                "ソフトマックスが画像の方向に計算されています。1 枚の画像の確率の合計が 1 になるように、クラスの方向に計算します。",
            )
        if torch.is_tensor(probabilities) and torch.allclose(probabilities, logits):
            raise NotYet(
                "What you return second are the logits. They do not add up to 1, so they are no probabilities.",
                "2 つ目に返しているのはロジットです。合計が 1 にならないので、確率ではありません。",
            )
        self.expect(
            probabilities,
            logits.softmax(dim=1),
            "As the probabilities of three photos",
            "画像 3 枚の確率として",
            tolerance=1e-4,
        )
        sure, _ = loss_of(nn.Identity(), torch.tensor([[200.0, -200.0]]), torch.tensor([1]))
        if not torch.isfinite(sure):
            raise NotYet(
                f"For an answer that is wrong and very sure, the loss is {sure.item()}: the logarithm of 0. The loss does softmax and "
                "logarithm in one step, which is safe; give it the logits.",
                f"間違っていて、しかも確信の強い答えで損失が {sure.item()} になります（0 の対数）。損失関数はソフトマックスと対数を"
                "まとめて安全に計算するので、ロジットを渡してください。",
            )


class LargerPhoto(Guess):
    """A convolution has no weight for each pixel."""

    id = "06-larger-photo"
    ask = {
        "en": "The layer `nn.Conv2d(1, 16, kernel_size=3)` gets photos of 128 × 128 pixels instead of 64 × 64. How many "
        "parameters does it need then?",
        "ja": "`nn.Conv2d(1, 16, kernel_size=3)` に入れる画像を 64 × 64 から 128 × 128 ピクセルにします。必要なパラメーター数は"
        "どうなるでしょうか。",
    }
    choices = {
        "same": {"en": "The same number", "ja": "変わらない"},
        "twice": {"en": "Twice as many", "ja": "2 倍になる"},
        "four times": {"en": "Four times as many", "ja": "4 倍になる"},
    }
    see = {
        "en": "The same small kernels slide over the whole photo, however large it is. There is more to compute, but nothing more "
        "to learn. A linear layer on the pixels needs four times as many.",
        "ja": "画像がどれだけ大きくても、同じ小さなカーネルが全体をなぞります。計算は増えますが、学ぶものは増えません。"
        "ピクセルに直接つなぐ線形層なら 4 倍になります。",
    }


class Field(Guess):
    """Strides let the field grow much faster than the windows suggest."""

    id = "06-field"
    ask = {
        "en": "How many pixels wide is the part of the photo that one number after the last block sees?",
        "ja": "最後のブロックの後の 1 つの数は、画像の何ピクセル分の幅を見ているでしょうか。",
    }
    unit = "px"
    see = {
        "en": "More than most people guess, and wider than the photo with its 64 pixels. Every stride doubles what the windows "
        "behind it cover.",
        "ja": "多くの人の予想より広く、64 ピクセルの画像の幅も超えています。ストライド 2 のたびに、その後の窓が覆う範囲が 2 倍になるからです。",
    }


class Colleague(Guess):
    """A softmax too many: no error, but a floor."""

    id = "06-colleague"
    ask = {
        "en": "The network gets the same 16 photos 60 times, with the colleague's loss. What happens to the loss?",
        "ja": "同僚の損失関数を使い、同じ 16 枚の画像で 60 ステップ学習します。損失はどうなるでしょうか。",
    }
    choices = {
        "zero": {"en": "It comes close to 0", "ja": "0 に近づく"},
        "stuck": {"en": "It falls, but gets stuck well above 0", "ja": "下がるが、0 よりかなり上で止まる"},
        "chance": {"en": "It hardly falls at all", "ja": "ほとんど下がらない"},
        "error": {"en": "Python stops with an error", "ja": "エラーで止まる"},
    }
    see = {
        "en": "It falls, so something is learned, and then it stops as if there were a floor. Nothing tells you that this is "
        "a mistake, except that 16 photos are easy to learn by heart.",
        "ja": "下がるので何かは学んでいますが、まるで床があるかのように途中で止まります。間違いだと教えてくれるものはありません。"
        "「16 枚なら簡単に丸暗記できるはず」という知識だけが頼りです。",
    }


class WrongLabels(Guess):
    """To memorise is not to understand."""

    id = "06-wrong-labels"
    ask = {
        "en": "The same 16 photos, but their labels are shuffled. How far does the loss fall in 60 steps?",
        "ja": "同じ 16 枚の画像ですが、ラベルをでたらめに入れ替えました。60 ステップで損失はどこまで下がるでしょうか。",
    }
    choices = {
        "low": {"en": "Nearly as low as with the right labels", "ja": "正しいラベルとほぼ同じところまで"},
        "between": {"en": "About half-way", "ja": "半分くらいまで"},
        "chance": {
            "en": "Hardly at all: it stays near the loss of guessing",
            "ja": "ほとんど下がらない（当てずっぽうの損失のまま）",
        },
    }
    see = {
        "en": "It learns the wrong labels just as well. Nothing in the photos speaks for them, so this is memory alone. "
        "A training loss near 0 proves that a network can learn, not that it has learned something true.",
        "ja": "間違ったラベルも同じように覚えてしまいます。画像には根拠がないので、純粋な丸暗記です。訓練損失が 0 に近いことは、"
        "学習できることの証明であって、正しいことを学んだ証明ではありません。",
    }
