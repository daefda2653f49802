"""The words of a class report in Japanese. For instructors (``python -m course_lib quiz stats --lang ja``)."""

from course_lib.quiz import doubts
from course_lib.quiz.stats import KEY_MAY_BE_WRONG, TOO_FEW

JAPANESE = {
    # columns
    "lesson": "レッスン",
    "title": "題名",
    "learners": "受講者数",
    "complete": "全問解答",
    "mean_score": "平均点",
    "kr20": "KR-20",
    "note": "備考",
    "question": "問題",
    "questions": "問題数",
    "type": "種類",
    "answers": "解答数",
    "share_right": "正答率",
    "low": "下限",
    "high": "上限",
    "discrimination": "識別力",
    "seconds_25": "秒 25 %",
    "seconds_50": "秒 50 %",
    "seconds_75": "秒 75 %",
    "option": "選択肢",
    "text": "文",
    "right": "正解",
    "chosen": "選択数",
    "share": "割合",
    "strong": "上位 1/3",
    "weak": "下位 1/3",
    "learner": "受講者",
    "answered": "解答した問題",
    "attempts": "解答回数",
    "minutes": "分",
    "right_at_first": "初回正解",
    "right_in_the_end": "最終正解",
    "score": "得点",
    "tasks_solved": "正解した課題",
    "objective": "学習目標",
    "items": "問題と課題",
    "missed": "未達成",
    "share_missed": "未達成の割合",
    "task": "課題",
    "tried": "取り組んだ人数",
    "solved": "正解",
    "unsolved": "未正解",
    "attempts_50": "回数の中央値",
    # sentences and headings
    "Quiz report": "クイズの集計",
    "Lessons": "レッスン一覧",
    "No answers yet: lessons": "まだ解答のないレッスン：",
    "Explain these again": "もう一度説明したい内容",
    "Look at these questions first": "先に確認したい問題",
    "What the numbers mean": "数値の意味",
    "Objectives": "学習目標",
    "Tasks": "課題",
    "Questions and answers": "問題と解答",
    "Learners": "受講者",
    "{} of {} miss {}": "{1} 人中 {0} 人が未達成：{2}",
    "{} of {} have not solved {}": "{1} 人中 {0} 人が未正解：{2}",
    KEY_MAY_BE_WRONG: "正解の設定が誤りの可能性",
    TOO_FEW: "解答が少なすぎる",
    # pictures
    "share of right first answers": "最初の解答の正答率",
    "with 95 % interval": "95 % 信頼区間つき",
    "0.2: good from here on": "0.2 以上が目安",
    "discrimination of each question": "各問題の識別力",
    "seconds of the first attempt: median and middle half of the class": "最初の解答にかかった秒数（中央値と中央の 50 %）",
    "median seconds": "秒数の中央値",
    "strong third": "上位 1/3",
    "weak third": "下位 1/3",
    "(right)": "（正解）",
    "options of {}": "{} の選択肢",
    "share that chose the option": "その選択肢を選んだ割合",
    "Who chose which option of {}": "{} の選択肢ごとの割合",
    "lesson; per cent of its questions that are right by now": "レッスン（現時点で正解した問題の割合、%）",
    "Progress of {} learners": "受講者 {} 人の進み具合",
    "Progress of the {} of {} learners who are least far": "{1} 人のうち進みの遅い {0} 人の進み具合",
    "learners who answered": "解答した人数",
    "unknown": "不明",
    # what `collect` says
    "{} answers of {} learners kept.": "{1} 人の解答 {0} 件を集計しました。",
    "{} lines dropped:": "除いた行 {} 件：",
    "{} files are no answers and were not read, such as {}.": "解答ファイルではないため読まなかったファイル {} 件（例：{}）。",
    "Look at {} learners before you believe their answers:": "確認が必要な受講者 {} 人：",
    "broken: not a whole JSON line": "壊れた行：JSON として読めない",
    "broken: fields are missing or of the wrong kind": "壊れた行：項目の不足または形式の誤り",
    "broken: far too long": "壊れた行：長すぎる",
    "broken: no answer in it": "壊れた行：解答がない",
    "changed after it was written": "保存後に書き換えられた行",
    "question is not in the banks": "問題がこの問題集にない",
    "older version of the question": "以前の版の問題への解答",
    "the same answer stands in another file or line": "同じ解答が別のファイルか行にある",
    "file is empty": "空のファイル",
    doubts.SEVERAL: "1 つの仮名を複数の場所または人が使用",
    doubts.UNLIKE_THE_QUIZ: "クイズが書かない形式の記録",
    doubts.ATTEMPTS: "回数が 1 から続いていない",
    doubts.CLOCK: "時計の誤りまたは巻き戻し",
    doubts.TOO_FAST: "読むより速い解答",
    doubts.TOO_SLOW: "1 週間を超える解答",
    doubts.SAME_ERRORS: "ほかの受講者と同じ間違い",
    doubts.SAME_TIMES: "ほかの受講者と同じ解答と秒数",
}
LEGEND = {
    "en": """<ul>
<li><b>share_right</b>: share of right answers at the first attempt; <b>low</b> and <b>high</b> are
the ends of its 95 % interval (Wilson 1927). Later attempts were made after feedback, so they do not
count here.</li>
<li><b>discrimination</b>: correlation of a question with the other questions of its lesson. Above
0.2 it tells strong learners from weak ones; below 0 something is wrong with it.</li>
<li><b>seconds_25, _50, _75</b>: a quarter, half and three quarters of the learners were faster.</li>
<li><b>kr20</b>: reliability of a lesson's quiz (Kuder and Richardson 1937). Near 1: the same
learners would come out ahead again. It counts learners who answered every question.</li>
<li><b>strong, weak</b>: share of the best and of the weakest third who chose an option.</li>
<li><b>missed</b>: learners who got less than half of the points of an objective, by their first answers to its
questions and by the tasks that they solved at last.</li>
<li><b>too few answers</b>: fewer than 10; read nothing into such a number.</li>
<li><b>key may be wrong</b>: strong learners prefer an option that the key calls wrong, or miss the
question more often than weak ones. Look at the question before you look at the class.</li>
</ul>""",
    "ja": """<ul>
<li><b>正答率</b>：最初の解答が正解だった割合。<b>下限</b>と<b>上限</b>は 95 % 信頼区間（Wilson 1927）。
2 回目以降は解説を読んだあとの解答なので
含めません。</li>
<li><b>識別力</b>：同じレッスンのほかの問題との相関。
0.2 以上なら理解度の高い人と低い人を見分けられます。0 未満なら問題に難があります。</li>
<li><b>秒 25 %・50 %・75 %</b>：受講者の 4 分の 1、半数、4 分の 3 がこれより速く解答しました。</li>
<li><b>KR-20</b>：クイズの信頼性（Kuder and Richardson 1937）。1 に近いほど、
もう一度行っても同じ順位になります。
全問に解答した受講者だけで計算します。</li>
<li><b>上位 1/3・下位 1/3</b>：成績の上位と下位の 3 分の 1 がその選択肢を選んだ割合。</li>
<li><b>未達成</b>：その学習目標の得点が半分に満たない受講者の数（問題は最初の解答、課題は最終的に正解したかどうか）。</li>
<li><b>解答が少なすぎる</b>：10 件未満。数値から結論は出せません。</li>
<li><b>正解の設定が誤りの可能性</b>：上位の受講者ほど「不正解」の選択肢を選ぶか、その問題を間違えています。受講者より先に問題を見直してください。</li>
</ul>""",
}
# What Linux (fonts-noto-cjk), Windows and macOS have; matplotlib's own font has no Japanese letters.
FONTS = ("Noto Sans CJK JP", "Noto Sans JP", "Yu Gothic", "Meiryo", "MS Gothic", "Hiragino Sans", "IPAexGothic")


def say(english: str, language: str, *values: object) -> str:
    """A phrase of the report in a language; ``{}`` in it are filled in.

    Example:
        >>> say("{} of {} miss {}", "ja", 12, 30, "choose-threshold")
        '30 人中 12 人が未達成：choose-threshold'
        >>> say("{} lines dropped:", "en", 3), say("what nobody translated", "ja")
        ('3 lines dropped:', 'what nobody translated')
    """
    phrase = JAPANESE.get(english, english) if language == "ja" else english
    return phrase.format(*values) if values else phrase


def japanese_font() -> str:
    """A font on this computer that has Japanese letters, for the pictures; "" where there is none."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in FONTS if name in there), "")
