"""How likely a token ends between two neighbouring characters: three tables, fitted to `o200k_base`.

They were fitted on the true token counts of 12 million characters of prose, code and noise, none of which is
kept here. `graph.tokens` prices words with them, and its tests hold them against the real vocabulary.
"""

from collections.abc import Sequence
from itertools import pairwise

# How likely a token ends between two characters: a base-36 digit a pair, which is the tenths plus three.
# A row for each first character, in the order of the alphabets below; the last row is for all others.
_LATIN = (
    "943476255a52339463325558153885677838a867a38b5ad6295ac8597c875866389356439a37a4707a9937689a5775365954"
    "954838a64b5889667ba7567565898a9564876444b751699a854887559a4ca6ba2aa6834aa98d468888ba4b856cb87669d357"
    "8aa97badeb5cca4baa7d9b664bb58148a9697a9453333337844443117522b4c583387d4ab829dc793a9a369b195b9a9b5488"
    "69ba4ba77b865babe9658c9c9b76b86797458a7c948c57db7559bc5d9ad744a42a9a6b935a448f7c6bba8a69aa5655332679"
    "38b865b74377b8887a9b9646876983555355b35547485a78b869b72ba57c926747924175b95c7a88aabdbfddaed6acac9aba"
    "4ebcde8c886a364a498d6556499844797a4999ea8c6a38867898ab644233676b799998696c4b927c788b55b3666b99396ba6"
    "645706394c723396a25388847758a75cac2b7a6baa8a4bc69baaba9979a75beb3aa54c9ac82ac74abc487c7988bb8f8aed9d"
    "dabcb6daa7cbe5adb9e99d9c6dad9eb99877fa35baad497b687cca6da78bb9b88bdcb87a7948a988786b5286be7765387677"
    "aac8386h8l8a524e989944537835479556367cch2808888808884283888108886888m8c888e8a8b855g088886jb88857hm8m"
)
_CYRILLIC = (
    "a9696374d3757796676b96157bbbdgb7c65c7bf6ec7c86d73f6ae4c4eec733def9835b6dc6cd7f95c85f5668gccdeda37ee7"
    "957dc978db5f97ec5d6aa8efc9eef8dbgd976gab67bb8e749657688adcifeec369h886a7874656e67765b9264hb5b969bcge"
    "dde89ad885db6cd8b59dcc79ccdbbdb9bcba947eaa89eeacba894aadjadheeedaadfe9962575928426766546653d98536bcc"
    "ec612bbce8abfdcfb8f78fd49ed8b79adehebc085bffb85a5df5j94d8647bc3cf1dcfdce887ce697587ec5i96ef89ahbggfe"
    "f80954a84b4256bc5c864837d9d6dabc6ed7dac8a76eda36ec5e6bd45gb8483e6bafd489a7a8f6656774657579d6665b8878"
    "58fddbc8c56eedd7db8e97e65b4h98fgbcdeb8adfbb55f89a88e8f96776g9986bae9acc409e6b37e7b68ef7d7369358728d9"
    "a99ga56c82a86g6ed8de8c9a8a5764a8ffbaffe72aa98677765374d55648d6757bc7e525dcdc54aa6g9df9fcbcdaeb2daec5"
    "5cbcebbcbcadh8affabdhe9efdca5e8aeafdadccc7aaea846h9de6ec7bfeehbciba6edgddce56ed98d5ecce6cd9ca6g8cc9e"
    "7cdecb9dcbcbccad8cfhc6cd6fcae79e8dcddedfddf79ddd7b7cbce49e5dfced9fcff6edcefdca4fcc68bdbea4c9da9a5bca"
    "886dcbabcccddda8d8b87c75f9f6a789f9c86be4b8aeegcaeb86cifegad2ae7de78fc98edbdc7ecbfc4c88beb28c9cb560a5"
    "ab475c88b9bcech6bd88cacgbabch9bdafbcde5gfad7c2cb9c9gd8c48fa5f0fe9a9dca9e8fe79fa9bddhdaf6b7676b40da98"
    "58ec8bb68b4b7g888849a4687g6a7787a49abg6hac8d8ccj868888cd"
)
_PUNCTUATION = (
    "46cfdea9b9e9899afe7d9e79adddefde5ea58a88985994777698c77897784a788c3e9937eedeee8beaa8eeeedd9fedee8eee"
    "7cede9ded9cee9eba9eddeeec9cc8e6edd6d89ee8e778ee988ce8b8ee8d8e8dedece8ecd9ed7c88ed8edcdeedddeedde9edd"
    "ee9bc8898b6a689586779a998e98799d8c9d5e8689a95747897ba788dd9847d9586ad85d798899ab5586858679b88e79c989"
    "999d2baee9d8ca86d78a7bed98d87aecaddedeaed978ee89ae78998aec7ddea88eeeddcd9d96a9999ab8998a79d9deda89e8"
    "9e9dde3ed9e88989a9d839bhdd8cde89feaeb8dd5db6c9999998a78357999g9898c979a8da4ee87a8a89a087b358da989a99"
    "a7bc9ed83eh9b8g88b898ab957d88ca97789978ddd4cd9e888988e899a7d78ddcdeabeedde9f0e9c88d989ecdd9d1de8898e"
    "abde9e9dde9e86988a78d9dd8a89d9379988de887d9ebde7898877a8e7889f988588879ce87a9d5c8677ee9aaee99989e9d9"
    "9ea9ddaee8dd6be8e8ded8efeeddm9dddee889eeeefdde8cd7a99b79d9d87ga7ecbce8797a788dcd7ed9e9bd89dfc99a99c9"
    "dcdca7cecdcddc9c99ec88874883a78568799d2998ac887c3feddeeed99dde89ceeedeee99e8ed8eee8eebe87ea7aae88b8a"
    "87aeed98d73e88feabfceeeffdadd8f7ea8deeeeb9add6bd8e8ed8d88e8cebceae99ddddc8c9eedd898d6ddaeeed99eddd9d"
    "edeeceefc9deedd7ee6d88e8a88a6e84b88b7b9997988e88888d3bdeeeeeeedde98c8cde9dcecdddedded48eaaaaaaaaaaaa"
    "aa5aaaaaaaaaaaaaaaaa5baaaaaaaaaaaaaacaaaaaaaaaaaaaaaaa89"
)


class Pairs:
    """What a run of one alphabet costs, by its neighbouring characters."""

    def __init__(self, letters: str, others: Sequence[tuple[str, str]], packed: str) -> None:
        """`others`: ranges that share a row each; whatever is in none has the last row."""
        self.rows = {c: i for i, c in enumerate(letters)}
        for i, (first, last) in enumerate(others):
            row = len(letters) + i
            self.rows |= {chr(c): row for c in range(ord(first), ord(last) + 1) if chr(c) not in self.rows}
        self.rest = len(letters) + len(others)
        self.size = self.rest + 1
        self.chances = [(int(digit, 36) - 3) / 10 for digit in packed]

    def ends(self, run: str) -> float:
        """How many tokens end inside `run`, as far as can be expected."""
        rows = [self.rows.get(c, self.rest) for c in run]
        return sum(self.chances[a * self.size + b] for a, b in pairwise(rows))


LATIN = Pairs("abcdefghijklmnopqrstuvwxyz", (("ß", "ÿ"), ("Ā", "ſ"), ("Ḁ", "ỿ")), _LATIN)
CYRILLIC = Pairs("абвгдежзийклмнопрстуфхцчшщъыьэюя", (("ѐ", "џ"),), _CYRILLIC)
MARKS = Pairs("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\n", (), _PUNCTUATION)
