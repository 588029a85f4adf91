"""Any text, in every way of reading it, becomes phones: a property, and a long run of it.

    python -m tests.parity.fuzz_text --examples 20000 [--seed 1]

The long run goes over modes, versions and a small user's dictionary, and prints figures.
"""

import argparse
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from engine.protocol.languages import TEXT_MODES
from engine.text.dictionary import Pronunciation, parse_dictionary
from engine.text.frontend import TextResult, phonemize_piece
from engine.text.symbols import symbol_ids

LONGEST = 2000
MODES = tuple(TEXT_MODES)
ENTRIES = (
    "zh\t头发\ttou2 fa5",
    "zh\t的\tdi4",
    "yue\t食\tsik6",
    "en\tZhongli\tJH UH1 NG L IY0",
    "en\tA1\tEY1 W AH1 N",
    "ja\t中離\tチュウリ",
    "ja\t日\tヒ",
    "ko\t김\t김",
)
OWN = Pronunciation(dictionary=parse_dictionary(ENTRIES, "fuzz"))

_SCRIPTS = (
    "的一是不了人我在有他这中大来上个国说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能"
    "好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话"
    "儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目"
    "頭髮會學國語聽電話車東馬門開關時間們嘅哋唔咁佢係喺冇睇嚟食飯㗎咩"
    "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんがぎぐげござじずぜぞだぢづでどばびぶべぼぱぴぷぺぽっゃゅょー"
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンガギグゲゴッャュョヴァィゥェォ々〆ヶ"
    "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호그느드르므브스으즈츠크트프흐기니디리미비시이지치키티피히을를은는이가날씨값닭없읽많"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)
_SIGNS = (
    "0123456789" * 3
    + ".,!?-…:;'\"()[]{}<>/\\|@#$%^&*_+=~` \n\t\r"
    + "。，、！？；：（）「」『』《》【】—～·￥€£¥°℃㎏㎡²³×÷±√∞①⑩½Ⅳ〇％＋－＝０１９ＡｚｱㄱㅏㅎΑωЖя"
)
_ODD = (
    "\u0000\u200b\u200d\ufeff\ue000\U000f0000\ud7ff\u0301\u3099\u2028\u2029\u0085\x0b\x1f\xa0\u3000"
    "٣๓𠮷𡃁兙覅嗧乄😀👨‍👩‍👧🇯🇵ſİßﬁǆ"
)

characters = st.one_of(
    st.sampled_from(_SCRIPTS), st.sampled_from(_SIGNS), st.sampled_from(_ODD), st.characters(codec="utf-8")
)
written = st.text(st.sampled_from(_SCRIPTS + _SIGNS), max_size=60)
texts = st.one_of(
    st.text(characters, max_size=40),
    written,
    st.text(st.sampled_from(_SIGNS), max_size=30),
    st.builds(lambda parts: "".join(parts)[:LONGEST], st.lists(written, max_size=8)),
    st.builds(
        lambda part, times: (part * times)[:LONGEST],
        st.text(characters, min_size=1, max_size=40),
        st.integers(1, 400),
    ),
)


def problems(result: TextResult, version: str) -> list[str]:
    """What is wrong with the phones of a text; empty when nothing is."""
    table = symbol_ids(version)
    found = []
    if unknown := set(result.phones) - set(table):
        found.append(f"phones outside the table: {sorted(unknown)}")
    if [table[phone] for phone in result.phones if phone in table] != list(result.phone_ids):
        found.append("ids are not those of the phones")
    for part in (*result.segments, result):
        if part.word2ph is None:
            continue
        if sum(part.word2ph) != len(part.phones) or len(part.word2ph) != len(part.norm_text):
            found.append(f"word2ph {part.word2ph} of {part.norm_text!r} with {part.phones}")
    if [phone for part in result.segments for phone in part.phones] != list(result.phones):
        found.append("the parts do not make up the whole")
    for part in result.segments:
        spoken = part.language == "zh" or (part.language == "yue" and version != "v1")
        if spoken and (part.word2ph is None or "UNK" in part.phones):
            found.append(f"{part.language} without word2ph or with UNK: {part.phones}")
    return found


def check(text: str, mode: str, version: str, own: bool) -> None:
    """Raises where a text is not well read."""
    first = not mode.startswith("auto") and mode.removeprefix("all_") in ("ko", "yue")
    version = "v2" if first else version
    result = phonemize_piece(text, mode, version, OWN if own else Pronunciation())
    assert result.phones, "no phones"
    found = problems(result, version)
    assert not found, found


def property_of(examples, number, check=check):
    """The property as a function that runs so many examples; a fixed number gives the same ones."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(texts, st.sampled_from(MODES), st.sampled_from(("v2", "v2", "v1")), st.booleans())
    def run(text, mode, version, own):
        check(text, mode, version, own)

    return run


class Figures:
    """What a long run saw."""

    def __init__(self):
        self.modes = Counter()
        self.lengths = Counter()
        self.slowest = (0.0, "", "")
        self.began = time.perf_counter()

    def check(self, text, mode, version, own):
        self.modes[mode] += 1
        self.lengths[len(text) // 100] += 1
        began = time.perf_counter()
        check(text, mode, version, own)
        self.slowest = max(self.slowest, (time.perf_counter() - began, mode, text[:60]))

    def __str__(self):
        return (
            f"{self.modes.total()} examples in {time.perf_counter() - self.began:.0f} s\n"
            f"by mode: {dict(sorted(self.modes.items()))}\n"
            f"by hundreds of characters: {dict(sorted(self.lengths.items()))}\n"
            f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}, {self.slowest[2]!r}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = Figures()
    try:
        property_of(arguments.examples, arguments.seed, figures.check)()
    finally:
        print(figures)  # noqa: T201


if __name__ == "__main__":
    main()
