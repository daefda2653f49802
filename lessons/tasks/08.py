"""Tasks and guesses of lesson 8: inference and evaluation."""

import numpy as np

from course_lib.quiz import Guess, NotYet, Task


def is_number(found):
    """Whether a learner's result is one number."""
    return isinstance(found, int | float | np.number) and not isinstance(found, bool)


class CountOutcomes(Task):
    """Four outcomes: what the part is, and what became of it."""

    id = "08-count-outcomes"
    objective = "read-confusion"
    defines = "count_outcomes"
    prompt_ja = (
        "**課題 1：4 つの結果を数える。** 4 つの個数を、合格した良品、過検出、見逃し、検出した欠陥の順に返す `count_outcomes` を"
        "書いてください。`labels` は欠陥品で 1、良品で 0、`rejected` は不合格にした部品で `True` です。"
    )
    given = "import numpy as np"
    stub = '''
def count_outcomes(labels, rejected):
    """How many parts: good and passed, good and rejected, defective and passed, defective and rejected."""
    ...
    return passed, overkill, missed, found
'''
    why = {
        "en": "Every rate of an inspector is one of these four counts, divided by a sum of two.",
        "ja": "検査のどの率も、この 4 つの個数のどれかを、2 つの合計で割ったものだからです。",
    }
    hints = (
        {
            "en": "Comparing an array gives an array of True and False: `labels == 1`. The sum of such an array counts the True.",
            "ja": "配列を比較すると True と False の配列になります（`labels == 1`）。その合計が True の個数です。",
        },
        {
            "en": "For arrays, “and” is written `&`, with brackets around each comparison, and “not” is written `~`.",
            "ja": "配列どうしの「かつ」は `&` と書き、比較はそれぞれかっこで囲みます。「でない」は `~` です。",
        },
        {
            "en": "`overkill = ((labels == 0) & rejected).sum()`; the other three go the same way.",
            "ja": "`overkill = ((labels == 0) & rejected).sum()` です。ほかの 3 つも同じ形です。",
        },
    )
    solution = """
def count_outcomes(labels, rejected):
    passed = ((labels == 0) & ~rejected).sum()
    overkill = ((labels == 0) & rejected).sum()
    missed = ((labels == 1) & ~rejected).sum()
    found = ((labels == 1) & rejected).sum()
    return passed, overkill, missed, found
"""
    wrong = (
        (
            "def count_outcomes(labels, rejected):\n    passed = (labels == 0 and not rejected).sum()\n"
            "    return passed, 0, 0, 0",
            "stopped with ValueError",
        ),
        (
            "def count_outcomes(labels, rejected):\n    wrong = (labels != rejected).sum()\n"
            "    return len(labels) - wrong, wrong",
            "four counts",
        ),
        (
            "def count_outcomes(labels, rejected):\n    good, bad = labels == 0, labels == 1\n"
            "    return (good & ~rejected).sum(), (bad & ~rejected).sum(), (good & rejected).sum(), (bad & rejected).sum()",
            "have changed places",
        ),
        (
            "def count_outcomes(labels, rejected):\n    good, bad = labels == 0, labels == 1\n"
            "    return (good & rejected).sum(), (good & ~rejected).sum(), (bad & rejected).sum(), (bad & ~rejected).sum()",
            "taken for the passed",
        ),
        (
            "def count_outcomes(labels, rejected):\n    good, bad = labels == 0, labels == 1\n"
            "    return len(good & ~rejected), len(good & rejected), len(bad & ~rejected), len(bad & rejected)",
            "`len` counts",
        ),
        (
            "def count_outcomes(labels, rejected):\n    good, bad = labels == 0, labels == 1\n"
            "    return (good & ~rejected).mean(), (good & rejected).mean(), (bad & ~rejected).mean(), (bad & rejected).mean()",
            "shares",
        ),
        (
            "def count_outcomes(labels, rejected):\n    for label, out in zip(labels, rejected):\n        counts = [0, 0, 0, 0]\n"
            "        counts[2 * label + out] += 1\n    return counts",
            "before the loop",
        ),
    )

    def check(self, count_outcomes):
        """Fifteen parts whose four counts all differ."""
        passed, overkill, missed, found = 6, 2, 3, 4
        labels = np.repeat([0, 0, 1, 1], [passed, overkill, missed, found])
        rejected = np.repeat([False, True, False, True], [passed, overkill, missed, found])
        order = np.random.default_rng(0).permutation(len(labels))
        counts = count_outcomes(labels[order], rejected[order])
        if np.shape(counts) != (4,):
            raise NotYet(
                "`count_outcomes` must return four counts: passed, overkill, missed, found.",
                "`count_outcomes` は 4 つの個数（合格、過検出、見逃し、検出）を返してください。",
            )
        seen = [float(count) for count in counts]
        if seen == [passed, missed, overkill, found]:
            raise NotYet(
                "Overkill and missed defects have changed places: overkill is a good part that is rejected.",
                "過検出と見逃しが入れ替わっています。過検出は「不合格にした良品」です。",
            )
        if seen == [overkill, passed, found, missed]:
            raise NotYet(
                "The rejected parts are taken for the passed ones: `rejected` is `True` where a part was rejected.",
                "不合格と合格が逆です。`rejected` は不合格にした部品で `True` です。",
            )
        if seen == [len(labels)] * 4:
            raise NotYet(
                "`len` counts every place of an array, the False ones too; `.sum()` counts the True ones.",
                "`len` は False も含めてすべて数えます。True だけを数えるのは `.sum()` です。",
            )
        if sorted(seen) == [0, 0, 0, 1]:
            raise NotYet(
                "Only one part is counted: set the four counts to 0 once, before the loop.",
                "1 個しか数えていません。4 つの個数を 0 にするのは、ループの前に 1 回だけです。",
            )
        if np.isclose(sum(seen), 1):
            raise NotYet(
                "These are shares, not counts: sum instead of mean.",
                "個数ではなく割合です。平均ではなく合計を使ってください。",
            )
        self.expect(
            counts,
            (passed, overkill, missed, found),
            "For 8 good parts, 2 of them rejected, and 7 defective ones, 4 of them rejected",
            "良品 8 個（うち不合格 2 個）と欠陥品 7 個（うち不合格 4 個）に対し",
        )


class ExpectedCost(Task):
    """Both mistakes at their price, divided by all parts."""

    id = "08-expected-cost"
    objective = "choose-threshold"
    defines = "expected_cost"
    prompt_ja = (
        "**課題 2：誤りのコスト。** 検査した部品 1 個あたりのコストを返す `expected_cost` を書いてください。欠陥確率が `threshold` "
        "以上の部品は不合格です。見逃し 1 個は `cost_missed`、過検出 1 個は `cost_overkill` かかり、正しい判定にコストはかかりません。"
    )
    given = "import numpy as np"
    stub = '''
def expected_cost(labels, probabilities, threshold, cost_missed, cost_overkill):
    """What the mistakes cost, for each inspected part."""
    ...
'''
    why = {
        "en": "One number now says which of two thresholds is the better one, and the customer can follow it.",
        "ja": "2 つのしきい値のどちらが良いかを 1 つの数で言えます。しかも顧客にも説明できる数です。",
    }
    hints = (
        {
            "en": "First decide: `rejected = probabilities >= threshold`. Then you need two of the four counts of task 1.",
            "ja": "まず判定します：`rejected = probabilities >= threshold`。次に課題 1 の 4 つの個数のうち 2 つを使います。",
        },
        {
            "en": "Total cost: the missed defects times `cost_missed`, plus the overkill times `cost_overkill`.",
            "ja": "総コストは、見逃しの個数 × `cost_missed` と過検出の個数 × `cost_overkill` の和です。",
        },
        {
            "en": "“For each inspected part” means: divided by `len(labels)`, by all parts.",
            "ja": "「検査した部品 1 個あたり」なので、全部品数 `len(labels)` で割ります。",
        },
    )
    solution = """
def expected_cost(labels, probabilities, threshold, cost_missed, cost_overkill):
    rejected = probabilities >= threshold
    missed = ((labels == 1) & ~rejected).sum()
    overkill = ((labels == 0) & rejected).sum()
    return (missed * cost_missed + overkill * cost_overkill) / len(labels)
"""
    _start = (
        "def expected_cost(labels, probabilities, threshold, cost_missed, cost_overkill):\n"
        "    rejected = probabilities >= threshold\n"
        "    missed = ((labels == 1) & ~rejected).sum()\n"
        "    overkill = ((labels == 0) & rejected).sum()\n"
    )
    wrong = (
        (_start + "    return missed * cost_missed + overkill * cost_overkill", "all parts together"),
        (
            _start + "    return (missed * cost_missed + overkill * cost_overkill) / (missed + overkill)",
            "number of mistakes",
        ),
        (_start + "    return (missed * cost_overkill + overkill * cost_missed) / len(labels)", "changed places"),
        (
            _start
            + "    defective = labels.sum()\n"
            + "    return missed / defective * cost_missed + overkill / (len(labels) - defective) * cost_overkill",
            "the two rates",
        ),
        (_start + "    return (missed + overkill) / len(labels)", "share of mistakes"),
        (_start + "    return missed * cost_missed + overkill * cost_overkill / len(labels)", "brackets"),
        (
            _start.replace(">=", ">") + "    return (missed * cost_missed + overkill * cost_overkill) / len(labels)",
            "exactly",
        ),
        (
            _start.replace(">=", "<") + "    return (missed * cost_missed + overkill * cost_overkill) / len(labels)",
            "the other way round",
        ),
        (
            _start.replace("threshold\n", "0.5\n")
            + "    return (missed * cost_missed + overkill * cost_overkill) / len(labels)",
            "threshold",
        ),
    )

    def check(self, expected_cost):
        """Ten parts, one of them exactly at the threshold."""
        labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
        probabilities = np.array([0.9, 0.25, 0.2, 0.1, 0.7, 0.3, 0.2, 0.15, 0.1, 0.0])
        parts, missed, overkill, price, cheap = 10, 2, 2, 10, 1
        found = expected_cost(labels, probabilities, 0.25, price, cheap)
        total = missed * price + overkill * cheap
        mistakes = (
            (total, "That is the cost of all parts together; divide by the number of parts.", "それは全部品の合計です。部品数で割ってください。"),
            (
                total / (missed + overkill),
                "That divides by the number of mistakes. “For each inspected part” divides by all parts, the right ones too.",
                "誤りの個数で割っています。「検査した部品 1 個あたり」なので、正しく判定した部品も含めた全部品数で割ります。",
            ),
            (
                missed * price + overkill * cheap / parts,
                "Only the overkill is divided by the number of parts: put the whole sum into brackets.",
                "過検出の分だけが割られています。和の全体をかっこで囲んでください。",
            ),
            (
                missed / 4 * price + overkill / 6 * cheap,
                "That adds up the two rates at their prices. Multiply the counts by the prices, then divide by all parts.",
                "見逃し率と過検出率に値段を掛けています。率ではなく「個数」に値段を掛け、最後に全部品数で割ります。",
            ),
            (
                (missed + overkill) / parts,
                "That is the share of mistakes. Each kind has its own price.",
                "それは誤りの割合です。誤りの種類ごとに値段が違います。",
            ),
            (
                ((missed + 1) * price + overkill * cheap) / parts,
                "A part whose probability is exactly the threshold must be rejected: `>=`.",
                "確率がちょうどしきい値の部品も不合格です。`>=` を使ってください。",
            ),
            (
                ((4 - missed) * price + (6 - overkill) * cheap) / parts,
                "The decision is the other way round: reject from the threshold on.",
                "判定が逆です。しきい値「以上」が不合格です。",
            ),
        )  # fmt: skip
        for result, en, ja in mistakes:
            if is_number(found) and np.isclose(found, result):
                raise NotYet(en, ja)
        if is_number(found) and np.isclose(found, (3 * price + cheap) / parts):
            raise NotYet(
                "It seems that the parts are decided at 0.5, whatever `threshold` is.",
                "`threshold` の値に関係なく、0.5 で判定しているようです。",
            )
        one = expected_cost(labels, probabilities, 0.15, price, cheap)
        if is_number(one) and np.isclose(one, (1 * cheap + 4 * price) / parts):
            raise NotYet(
                "The two kinds of mistakes have changed places: each missed defect costs `cost_missed`, each overkill `cost_overkill`.",
                "2 種類の誤りが入れ替わっています。見逃しは 1 個 `cost_missed`、過検出は 1 個 `cost_overkill` です。",
            )
        self.expect(
            found,
            total / parts,
            "For ten parts with 2 missed defects at 10 coins and 2 overkills at 1 coin",
            "10 個の部品で見逃し 2 個（損失 10）と過検出 2 個（損失 1）に対し",
            tolerance=1e-9,
        )
        self.expect(
            one,
            1.4,
            "For ten parts with 1 missed defect at 10 coins and 4 overkills at 1 coin",
            "10 個の部品で見逃し 1 個（損失 10）と過検出 4 個（損失 1）に対し",
            tolerance=1e-9,
        )


class CheapestThreshold(Task):
    """Try every threshold that makes a difference, and return the best one itself."""

    id = "08-cheapest-threshold"
    objective = "choose-threshold"
    defines = "cheapest_threshold"
    prompt_ja = (
        "**課題 3：最も安いしきい値を探す。** これらの画像で `evaluation.expected_cost` が最も低くなるしきい値を返す "
        "`cheapest_threshold` を書いてください。どの確率も、しきい値の候補になります。「すべて合格」も候補に入れてください。"
    )
    given = "import numpy as np\nfrom course_lib import evaluation"
    stub = '''
def cheapest_threshold(labels, probabilities, cost_missed, cost_overkill):
    """A threshold at which the mistakes on these photos cost least."""
    ...
'''
    why = {
        "en": "The threshold is now chosen by what mistakes cost, and nobody has to believe in 0.5.",
        "ja": "しきい値を誤りのコストで選べるようになり、根拠なく 0.5 を信じる必要がなくなりました。",
    }
    hints = (
        {
            "en": "Between two neighbouring probabilities all thresholds decide alike. So it is enough to try the probabilities "
            "themselves, and one threshold that no part reaches.",
            "ja": "隣り合う 2 つの確率の間では、どのしきい値でも判定は同じです。だから、確率そのものと、どの部品も届かない値を 1 つ"
            "試せば十分です。",
        },
        {
            "en": "`candidates = [*probabilities, 1.1]`, then a list with the cost of each candidate.",
            "ja": "`candidates = [*probabilities, 1.1]` とし、それぞれのコストのリストを作ります。",
        },
        {
            "en": "`np.argmin(costs)` is the place of the lowest cost; return the candidate at that place.",
            "ja": "`np.argmin(costs)` が最小の位置です。その位置の候補を返します。",
        },
    )
    solution = """
def cheapest_threshold(labels, probabilities, cost_missed, cost_overkill):
    candidates = [*np.unique(probabilities), 1.1]
    costs = [evaluation.expected_cost(labels, probabilities, one, cost_missed, cost_overkill) for one in candidates]
    return candidates[np.argmin(costs)]
"""
    _head = "def cheapest_threshold(labels, probabilities, cost_missed, cost_overkill):\n"
    _costs = "    costs = [evaluation.expected_cost(labels, probabilities, one, cost_missed, cost_overkill) for one in candidates]\n"
    wrong = (
        (
            _head + "    candidates = [*probabilities, 1.1]\n" + _costs + "    return min(costs)",
            "the lowest cost itself",
        ),
        (_head + "    candidates = [*probabilities, 1.1]\n" + _costs + "    return np.argmin(costs)", "the place"),
        (
            _head + "    candidates = [*probabilities, 1.1]\n" + _costs + "    return candidates[np.argmax(costs)]",
            "most expensive",
        ),
        (
            _head + "    candidates = np.linspace(0, 1, 11)\n" + _costs + "    return candidates[np.argmin(costs)]",
            "closer together than your steps",
        ),
        (
            _head + "    candidates = probabilities + [1.1]\n" + _costs + "    return candidates[np.argmin(costs)]",
            "adds 1.1 to each number",
        ),
        (
            _head + "    best, lowest = 0.0, 1000\n    for one in probabilities:\n"
            "        if evaluation.expected_cost(labels, probabilities, one, cost_missed, cost_overkill) < lowest:\n"
            "            best = one\n    return best",
            "the lowest cost so far",
        ),
        (
            _head + "    candidates = np.sort(probabilities)\n" + _costs + "    return candidates[np.argmin(costs)]",
            "passing everything",
        ),
        (_head + "    return 1 / (1 + cost_missed / cost_overkill)", "these photos"),
    )

    def check(self, cheapest_threshold):
        """Prices that make each typical mistake visible; any threshold of the lowest cost is right."""

        def cost(labels, probabilities, threshold, *prices):
            rejected = probabilities >= threshold
            missed, overkill = ((labels == 1) & ~rejected).sum(), ((labels == 0) & rejected).sum()
            return (missed * prices[0] + overkill * prices[1]) / len(labels)

        labels = np.array([0, 0, 1, 0, 1, 1, 0, 1])
        probabilities = np.array([0.02, 0.31, 0.33, 0.36, 0.38, 0.71, 0.8, 0.97])
        everything = [*probabilities, 1.1]
        prices = (10, 1)
        costs = [cost(labels, probabilities, one, *prices) for one in everything]
        found = cheapest_threshold(labels, probabilities, *prices)
        if not is_number(found):
            raise NotYet(
                "`cheapest_threshold` must return one number: the threshold.",
                "`cheapest_threshold` はしきい値を 1 つの数で返してください。",
            )
        if np.isclose(found, min(costs)):
            raise NotYet(
                "That is the lowest cost itself. Return the threshold at which it is reached.",
                "それは最小のコストそのものです。そのコストになるしきい値を返してください。",
            )
        if isinstance(found, int | np.integer) and found > 1:
            raise NotYet(
                "That seems to be the place of the best candidate in your list; return the candidate at that place.",
                "それはリストの中の位置のようです。その位置にある候補を返してください。",
            )
        if found > 1.11:
            raise NotYet(
                f"No part reaches {found:.3g}. For an array, `probabilities + [1.1]` adds 1.1 to each number; `[*probabilities, 1.1]` "
                "puts one more behind the others.",
                f"{found:.3g} に届く部品はありません。配列では `probabilities + [1.1]` は各数に 1.1 を足します。末尾に 1 つ加えるには "
                "`[*probabilities, 1.1]` と書きます。",
            )
        if np.isclose(cost(labels, probabilities, found, *prices), (max(costs), max(costs[:-1]))).any():
            raise NotYet(
                "That is the most expensive threshold: look for the smallest cost.",
                "それは最も高くつくしきい値です。最小のコストを探してください。",
            )
        if np.isclose(found, 1 / 11):
            raise NotYet(
                "That follows from the prices alone. Look for the threshold that is cheapest on these photos.",
                "それは値段だけから決まる値です。これらの画像で最も安いしきい値を探してください。",
            )
        if not np.isclose(cost(labels, probabilities, found, *prices), min(costs)):
            why = ("Does your search keep the lowest cost so far?", "それまでの最小コストを更新していますか。")
            if not np.isclose(found, probabilities).any():
                why = (
                    "Some probabilities lie closer together than your steps.",
                    "確率の間隔が、試した刻みより狭いところがあります。",
                )
            raise NotYet(
                f"At {found:.3g} the eight parts of the check cost {cost(labels, probabilities, found, *prices):.3g} each; "
                f"{min(costs):.3g} is possible. {why[0]}",
                f"しきい値 {found:.3g} では 1 個あたり {cost(labels, probabilities, found, *prices):.3g} かかりますが、"
                f"{min(costs):.3g} にできます。{why[1]}",
            )
        found = cheapest_threshold(np.array([0, 1, 0]), np.array([0.2, 0.5, 0.9]), 1, 10)
        if is_number(found) and found <= 0.9:
            raise NotYet(
                "Where overkill is expensive, passing everything can be cheapest: try a threshold that no part reaches, too.",
                "過検出が高くつくときは、すべて合格が最も安いこともあります。どの部品も届かないしきい値も試してください。",
            )


class BreakEven(Task):
    """The threshold that follows from the two prices alone."""

    id = "08-break-even"
    objective = "choose-threshold"
    defines = "break_even"
    prompt_ja = (
        "**課題 4：損益分岐点。** 合格にしても不合格にしても平均コストが同じになる欠陥確率を返す `break_even` を書いてください。"
        "確率 p の部品を合格にすると平均 `p * cost_missed`、不合格にすると平均 `(1 - p) * cost_overkill` かかります。"
    )
    stub = '''
def break_even(cost_missed, cost_overkill):
    """The probability at which passing and rejecting cost the same on average."""
    ...
'''
    why = {
        "en": "Where probabilities can be taken at their word, this is the best threshold, before any photo is inspected.",
        "ja": "確率が額面どおりなら、画像を 1 枚も検査しないうちに最適なしきい値が分かるからです。",
    }
    hints = (
        {
            "en": "Write down that both costs are equal: p · cost_missed = (1 − p) · cost_overkill. Solve for p.",
            "ja": "両方のコストが等しいという式 p · cost_missed = (1 − p) · cost_overkill を、p について解きます。",
        },
        {
            "en": "p · cost_missed + p · cost_overkill = cost_overkill.",
            "ja": "p · cost_missed + p · cost_overkill = cost_overkill となります。",
        },
    )
    solution = """
def break_even(cost_missed, cost_overkill):
    return cost_overkill / (cost_missed + cost_overkill)
"""
    wrong = (
        ("def break_even(cost_missed, cost_overkill):\n    return cost_overkill / cost_missed", "(1 − p)"),
        (
            "def break_even(cost_missed, cost_overkill):\n    return cost_missed / (cost_missed + cost_overkill)",
            "the wrong way",
        ),
        ("def break_even(cost_missed, cost_overkill):\n    return 0.5", "same for all prices"),
        (
            "def break_even(cost_missed, cost_overkill):\n    return cost_overkill / cost_missed + cost_overkill",
            "before it adds",
        ),
        ("def break_even(cost_missed, cost_overkill):\n    return 1 / (1 + cost_missed)", "costs 2"),
    )

    def check(self, break_even):
        """Prices of 10 and 1, of 1 and 1, and an overkill that does not cost 1."""
        found = break_even(10, 1)
        if is_number(found) and np.isclose(found, 0.1):
            raise NotYet(
                "At 10 coins for a missed defect and 1 for an overkill this gives 0.1. There, passing costs 0.1 · 10 = 1, but "
                "rejecting costs only (1 − p) · 1 = 0.9.",
                "見逃し 10、過検出 1 で 0.1 になりました。そのとき合格のコストは 0.1 · 10 = 1、不合格のコストは (1 − p) · 1 = 0.9 で、"
                "等しくありません。",
            )
        if is_number(found) and np.isclose(found, 10 / 11):
            raise NotYet(
                "This goes the wrong way: where a missed defect is expensive, a small probability must be enough to reject.",
                "向きが逆です。見逃しが高くつくほど、小さな確率でも不合格にすべきです。",
            )
        if is_number(found) and np.isclose(found, 1.1):
            raise NotYet(
                "Python divides before it adds: put the sum of both prices into brackets.",
                "割り算は足し算より先に計算されます。2 つの値段の和をかっこで囲んでください。",
            )
        if is_number(found) and found == break_even(1, 1) == 0.5:
            raise NotYet(
                "This gives the same for all prices: 0.5 is right only where both mistakes cost the same.",
                "どんな値段でも同じ値です。0.5 が正しいのは、両方の誤りのコストが等しいときだけです。",
            )
        self.expect(found, 1 / 11, "For prices of 10 and 1", "コストが 10 と 1 のとき", tolerance=1e-9)
        self.expect(break_even(1, 1), 0.5, "For two equal prices", "コストが等しいとき", tolerance=1e-9)
        self.expect(
            break_even(6, 2),
            0.25,
            "Where a missed defect costs 6 and an overkill costs 2",
            "見逃しが 6、過検出が 2 のとき",
            tolerance=1e-9,
        )


class BestTemperature(Task):
    """Divide the logits, look at the loss, keep the temperature."""

    id = "08-best-temperature"
    objective = "check-calibration"
    defines = "best_temperature"
    prompt_ja = (
        "**課題 5：温度を決める。** `TEMPERATURES` の各温度でロジットを割り、`loss_of` が最も小さくなる温度を返す `best_temperature` "
        "を書いてください。"
    )
    given = """
import numpy as np
from course_lib.evaluation import softmax
TEMPERATURES = np.geomspace(0.25, 16, 200)
def loss_of(logits, labels):
    right = softmax(logits)[np.arange(len(labels)), labels]
    return -np.log(right).mean()
"""
    stub = '''
def best_temperature(logits, labels):
    """The temperature in TEMPERATURES whose probabilities fit these photos best."""
    ...
'''
    why = {
        "en": "One number, found on validation, makes the probabilities honest and changes no decision at 0.5.",
        "ja": "検証データで決めた 1 つの数で確率が実際の頻度に近づき、しかも 0.5 での判定は 1 つも変わりません。",
    }
    hints = (
        {
            "en": "A loop, or a list, over `TEMPERATURES`: what is the loss of `logits / temperature`?",
            "ja": "`TEMPERATURES` を順に試します。`logits / temperature` の損失はいくつでしょうか。",
        },
        {
            "en": "`losses = [loss_of(logits / temperature, labels) for temperature in TEMPERATURES]`",
            "ja": "`losses = [loss_of(logits / temperature, labels) for temperature in TEMPERATURES]` とします。",
        },
        {
            "en": "`np.argmin(losses)` is the place of the smallest loss; return the temperature at that place.",
            "ja": "`np.argmin(losses)` が最小の位置です。その位置の温度を返します。",
        },
    )
    solution = """
def best_temperature(logits, labels):
    losses = [loss_of(logits / temperature, labels) for temperature in TEMPERATURES]
    return TEMPERATURES[np.argmin(losses)]
"""
    _losses = (
        "def best_temperature(logits, labels):\n"
        "    losses = [loss_of(logits / temperature, labels) for temperature in TEMPERATURES]\n"
    )
    wrong = (
        (_losses.replace("/", "*") + "    return TEMPERATURES[np.argmin(losses)]", "divide"),
        (_losses + "    return min(losses)", "the smallest loss itself"),
        (_losses + "    return np.argmin(losses)", "the place"),
        (_losses + "    return TEMPERATURES[np.argmax(losses)]", "largest loss"),
        (
            "def best_temperature(logits, labels):\n"
            "    right = [((logits / one).argmax(axis=1) == labels).mean() for one in TEMPERATURES]\n"
            "    return TEMPERATURES[np.argmax(right)]",
            "number of right answers",
        ),
        ("def best_temperature(logits, labels):\n    return 1.0", "does not look at the photos"),
        (
            "def best_temperature(logits, labels):\n"
            "    losses = [loss_of(softmax(logits / temperature), labels) for temperature in TEMPERATURES]\n"
            "    return TEMPERATURES[np.argmin(losses)]",
            "softmax itself",
        ),
        (
            "def best_temperature(logits, labels):\n"
            "    for temperature in TEMPERATURES:\n        loss = loss_of(logits / temperature, labels)\n"
            "    return temperature",
            "the last of",
        ),
    )

    def check(self, best_temperature):
        """A model that is three times too sure, and the same one three times too careful."""
        margin = np.random.default_rng(0).normal(0, 2, 400)
        labels = (np.random.default_rng(1).random(400) < 1 / (1 + np.exp(-margin))).astype(int)
        logits = np.stack([np.zeros(400), 3 * margin], axis=1)
        found, careful = best_temperature(logits, labels), best_temperature(logits / 9, labels)
        if not is_number(found):
            raise NotYet(
                "`best_temperature` must return one number: the temperature.",
                "`best_temperature` は温度を 1 つの数で返してください。",
            )
        if isinstance(found, int | np.integer):
            raise NotYet(
                "That seems to be the place of the best temperature; return the temperature at that place.",
                "それは最適な温度の位置のようです。その位置にある温度を返してください。",
            )
        if found == careful == 1:
            raise NotYet(
                "It always gives 1, so it does not look at the photos.", "いつも 1 なので、画像を見ていません。"
            )
        if found == careful == 16:
            raise NotYet(
                "It always gives the last of the `TEMPERATURES`: keep the one whose loss is smaller than all before it.",
                "いつも `TEMPERATURES` の最後の値です。それまでより損失が小さいときだけ、その温度を残してください。",
            )
        if found == careful:
            raise NotYet(
                "It gives the same temperature for a model that is too sure and for one that is too careful. Did you use the "
                "number of right answers? No temperature changes that; the loss does change.",
                "自信過剰なモデルと慎重すぎるモデルで同じ温度になりました。正解数を使っていませんか。正解数はどの温度でも"
                "変わりません。変わるのは損失です。",
            )
        right = np.exp(logits / 3)[np.arange(400), labels] / np.exp(logits / 3).sum(axis=1)
        if np.isclose(found, careful) or abs(found + np.log(right).mean()) < 0.01:
            raise NotYet(
                "That is the smallest loss itself. Return the temperature at which it is reached.",
                "それは最小の損失そのものです。その損失になる温度を返してください。",
            )
        if careful == 0.25 and found > 0.3:
            raise NotYet(
                "Give `loss_of` the logits, divided by the temperature, and always the original ones: it takes their softmax itself.",
                "`loss_of` には、元の「ロジット」を温度で割ったものを渡します。ソフトマックスは `loss_of` の中で計算されます。",
            )
        if min(found, careful) < 0.27 or max(found, careful) > 10:
            raise NotYet(
                "That is where the largest loss is; look for the smallest one.",
                "それは損失が最大になる温度です。最小を探してください。",
            )
        if found < 0.6:
            raise NotYet(
                "A model that is too sure needs a temperature above 1, and it got one below: divide the logits by it.",
                "自信過剰なモデルの温度は 1 より大きいはずですが、小さくなりました。ロジットを温度で割ってください。",
            )
        self.expect(found, 3, "For a model that is three times too sure", "3 倍自信過剰なモデルに対し", tolerance=0.5)
        self.expect(
            careful, 1 / 3, "For a model that is three times too careful", "3 倍慎重すぎるモデルに対し", tolerance=0.06
        )


class HeatMap(Task):
    """Grad-CAM: how much each map matters, and where."""

    id = "08-heat-map"
    objective = "question-heat-map"
    defines = "heat_map"
    prompt_ja = (
        "**課題 6：ヒートマップを作る。** 特徴マップ `maps` と勾配 `gradients`（どちらもチャンネル、高さ、幅）から、高さ×幅の"
        "ヒートマップを作る `heat_map` を書いてください。各マップに、その勾配の平均を掛けて足し合わせ、負の値を 0 にし、"
        "最大値で割ります。"
    )
    given = "import numpy as np"
    stub = '''
def heat_map(maps, gradients):
    """Where the photo speaks for a defect: (height, width), from 0 to 1."""
    ...
'''
    why = {
        "en": "You know now what is in such a picture, so you also know what is not in it.",
        "ja": "この図に何が描かれているかが分かれば、何が描かれていないかも分かるからです。",
    }
    hints = (
        {
            "en": "One weight for each map: the mean of its gradients over height and width, `gradients.mean(axis=(1, 2))`.",
            "ja": "マップごとに重みを 1 つ求めます。勾配を高さと幅で平均した `gradients.mean(axis=(1, 2))` です。",
        },
        {
            "en": "To multiply each map by its weight, give the weights two more axes: `weights[:, None, None] * maps`. Then sum over "
            "the channels, axis 0.",
            "ja": "各マップに重みを掛けるには、`weights[:, None, None] * maps` のように軸を 2 つ増やします。それをチャンネル（軸 0）で"
            "合計します。",
        },
        {
            "en": "`np.maximum(heat, 0)` sets what is negative to 0. Divide by `max(heat.max(), 1e-12)`, so that a map of zeros stays one.",
            "ja": "`np.maximum(heat, 0)` で負の値を 0 にします。0 だけのマップでも困らないよう `max(heat.max(), 1e-12)` で割ります。",
        },
    )
    solution = """
def heat_map(maps, gradients):
    weights = gradients.mean(axis=(1, 2))
    heat = np.maximum((weights[:, None, None] * maps).sum(axis=0), 0)
    return heat / max(heat.max(), 1e-12)
"""
    _start = "def heat_map(maps, gradients):\n    weights = gradients.mean(axis=(1, 2))\n"
    wrong = (
        (_start + "    heat = (weights[:, None, None] * maps).sum(axis=0)\n    return heat / heat.max()", "below 0"),
        (
            _start + "    heat = np.abs((weights[:, None, None] * maps).sum(axis=0))\n    return heat / heat.max()",
            "sign",
        ),
        (
            "def heat_map(maps, gradients):\n    heat = np.maximum((gradients * maps).sum(axis=0), 0)\n"
            "    return heat / max(heat.max(), 1e-12)",
            "each place has its own gradient",
        ),
        (
            "def heat_map(maps, gradients):\n    heat = np.maximum(maps.sum(axis=0), 0)\n"
            "    return heat / max(heat.max(), 1e-12)",
            "without the gradients",
        ),
        (_start + "    return np.maximum((weights[:, None, None] * maps).sum(axis=0), 0)", "largest value"),
        (_start + "    heat = np.maximum(weights[:, None, None] * maps, 0)\n    return heat / heat.max()", "the shape"),
        (
            _start + "    heat = np.maximum(weights[:, None, None] * maps, 0).sum(axis=0)\n"
            "    return heat / max(heat.max(), 1e-12)",
            "in the sum",
        ),
        (
            _start + "    heat = np.maximum((weights[:, None, None] * maps).sum(axis=0), 0)\n"
            "    return heat / max(heat.sum(), 1e-12)",
            "add up to 1",
        ),
        (
            _start
            + "    heat = np.maximum((weights[:, None, None] * maps).sum(axis=0), 0)\n    return heat / heat.max()",
            "divided by 0",
        ),
    )

    def check(self, heat_map):
        """Three maps of 4 × 5 whose weights have both signs; then one that speaks against the defect everywhere."""
        generator = np.random.default_rng(3)
        maps = generator.random((3, 4, 5))
        gradients = generator.normal(size=(3, 4, 5)) + np.array([0.9, -1.0, 0.2])[:, None, None]
        found = np.asarray(heat_map(maps, gradients), dtype=float)
        if found.shape != (4, 5):
            raise NotYet(
                f"For 3 maps of 4 × 5 the heat map has the shape {found.shape}; (4, 5) was expected: sum over the channels.",
                f"4 × 5 のマップ 3 枚に対して、形が {found.shape} になりました。チャンネルで合計して (4, 5) にしてください。",
            )
        weighted = (gradients.mean(axis=(1, 2))[:, None, None] * maps).sum(axis=0)

        def scaled(heat):
            return np.maximum(heat, 0) / np.maximum(heat, 0).max()

        mistakes = (
            (
                weighted / weighted.max(),
                "Some values are below 0: there the photo speaks against a defect. Set them to 0.",
                "0 より小さい値があります。そこは欠陥に「反する」場所なので、0 にしてください。",
            ),
            (
                np.abs(weighted) / np.abs(weighted).max(),
                "The sign is lost: what speaks against a defect is now as warm as what speaks for it. Set it to 0 instead.",
                "符号が失われ、欠陥に反する場所まで強く出ています。絶対値ではなく、負の値を 0 にしてください。",
            ),
            (
                scaled((gradients * maps).sum(axis=0)),
                "Here each place has its own gradient. Grad-CAM takes one weight for each map: the mean of its gradients.",
                "場所ごとの勾配を掛けています。Grad-CAM では、マップごとに勾配を平均した重みを 1 つ使います。",
            ),
            (
                scaled(maps.sum(axis=0)),
                "This is the sum of the maps, without the gradients: it does not know yet which map speaks for a defect.",
                "勾配を使わずにマップを足しただけです。これではどのマップが欠陥を示すのか分かりません。",
            ),
            (
                scaled(np.maximum(gradients.mean(axis=(1, 2))[:, None, None] * maps, 0).sum(axis=0)),
                "Add all maps up first, and set to 0 what is negative in the sum: maps that speak against a defect must count, too.",
                "先にすべてのマップを足し、「合計」の負の値を 0 にしてください。欠陥に反するマップも差し引く必要があります。",
            ),
            (
                np.maximum(weighted, 0) / np.maximum(weighted, 0).sum(),
                "The values add up to 1. Instead the largest must be 1: divide by it, not by the sum.",
                "合計が 1 になっています。合計ではなく最大値で割り、最大値を 1 にしてください。",
            ),
            (np.maximum(weighted, 0), "The largest value must be 1: divide by it.", "最大値が 1 になるように割ってください。"),
        )  # fmt: skip
        for result, en, ja in mistakes:
            if np.allclose(found, result):
                raise NotYet(en, ja)
        self.expect(found, scaled(weighted), "For three maps of 4 × 5", "4 × 5 のマップ 3 枚に対し", tolerance=1e-6)
        with np.errstate(all="ignore"):
            nothing = np.asarray(heat_map(maps, -np.ones_like(maps)), dtype=float)
        if not np.isfinite(nothing).all():
            raise NotYet(
                "Where every map speaks against a defect, all values are 0, and 0 is divided by 0. Divide by at least a tiny number.",
                "すべてのマップが欠陥に反するとき、値はすべて 0 になり、0 ÷ 0 が起こります。ごく小さい数を下限にして割ってください。",
            )
        self.expect(
            nothing, np.zeros((4, 5)), "Where every map speaks against a defect", "すべてのマップが欠陥に反するとき"
        )


class ThreeTimes(Guess):
    """Training mode answers differently each time."""

    id = "08-three-times"
    ask = {
        "en": "You forget `model.eval()`, and inspect the same photo three times. What do you get?",
        "ja": "`model.eval()` を忘れたまま、同じ画像を 3 回検査します。結果はどうなるでしょうか。",
    }
    choices = {
        "same": {"en": "Three times the same answer, and the right one", "ja": "3 回とも同じで、正しい答え"},
        "other": {"en": "Three times the same answer, but another one than with `eval()`", "ja": "3 回とも同じだが、`eval()` のときとは違う答え"},
        "differ": {"en": "Three different answers", "ja": "3 回とも違う答え"},
        "error": {"en": "An error", "ja": "エラー"},
    }  # fmt: skip
    see = {
        "en": "In training mode dropout switches off features at random, and batch normalisation uses the mean of the photos at "
        "hand instead of the one it has stored. No error tells you. It even stores something of each photo that it inspects, so "
        "the model changes while you use it (here it was a copy).",
        "ja": "train モードでは、ドロップアウトが特徴をランダムに消し、バッチ正規化は保存した平均ではなく手元の画像の平均を使います。"
        "エラーは出ません。しかも検査するたびに保存値が少しずつ変わるので、使うほどモデルが変わってしまいます（ここではコピーを"
        "使いました）。",
    }


class MissedShare(Guess):
    """Accuracy hides the missed defects."""

    id = "08-missed-share"
    ask = {
        "en": "The model is right on about 8 of 10 validation photos. How many of 100 defective cells does it pass as good?",
        "ja": "モデルは検証用画像の 10 枚中およそ 8 枚に正解します。では、欠陥セル 100 個のうち何個を良品として通してしまうでしょうか。",
    }
    see = {
        "en": "Far more than 2 in 10. Most cells are good, so most of the right answers are good cells that pass. The mistakes "
        "gather among the defects, which are few, and there the accuracy does not show them.",
        "ja": "10 個に 2 個よりはるかに多いはずです。大部分が良品なので、正解の多くは「合格した良品」です。誤りは数の少ない欠陥品に"
        "集中し、正解率には表れません。",
    }


class ChosenOnTest(Guess):
    """A threshold that was chosen on the photos which judge it."""

    id = "08-chosen-on-test"
    ask = {
        "en": "You choose the cheapest threshold on the test photos, and judge it on the same test photos. How does its cost "
        "compare with the cost of the threshold that was chosen on validation?",
        "ja": "テスト用の画像で最も安いしきい値を選び、同じテスト用の画像で評価します。検証用で選んだしきい値と比べて、コストはどう"
        "見えるでしょうか。",
    }
    choices = {
        "never higher": {"en": "It can only look lower, or equal", "ja": "必ず低いか、同じ"},
        "either": {"en": "It can look lower or higher; that depends on chance", "ja": "低いことも高いこともあり、偶然で決まる"},
        "never lower": {"en": "It can only look higher, or equal", "ja": "必ず高いか、同じ"},
    }  # fmt: skip
    answer = "never higher"
    see = {
        "en": "Of all thresholds the cheapest for exactly these photos was taken, so none can look cheaper on them. New photos do "
        "not know about this choice. The lower cost is no gain; it is self-praise.",
        "ja": "ちょうどこの画像で最も安いしきい値を選んだので、この画像でそれより安く見えるものはありません。しかし新しい画像はこの選択を"
        "知りません。低く見えるコストは改善ではなく、自画自賛です。",
    }


class SureAndRight(Guess):
    """What "at least 90 %" of a memoriser is worth."""

    id = "08-sure-and-right"
    ask = {
        "en": "For some test photos the memoriser says “defective, 90 % sure or more”. How many of 100 such photos are really "
        "defective?",
        "ja": "丸暗記モデルが「90 % 以上の確率で欠陥」と判定したテスト用の画像があります。そのような画像 100 枚のうち、本当に欠陥があるのは"
        "何枚でしょうか。",
    }
    see = {
        "en": "A model that can be taken at its word would be right about at least 90 of 100. This one learned that being sure is "
        "always rewarded: on its own photos it was hardly ever wrong.",
        "ja": "確率が額面どおりなら、100 枚中 90 枚以上のはずです。このモデルは自分の画像ではほとんど間違えなかったため、「自信を持てば"
        "必ず得をする」と学んでしまいました。",
    }
