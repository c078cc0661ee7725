"""Formulas: "x = [-b ± √(b²-4ac)] / 2a" becomes "x equals minus b plus or minus the square root of b squared minus
4 a c, over 2 a".

A formula is a run of numbers, single letters, signs and brackets with at least one sign that only formulas have.
"""

import re

from .tongue import Tongue

TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_²³½¼¾⅓⅔]+|\s+|.", re.DOTALL)
STRONG = set("=±√×÷²³^≤≥≠≈∞∑∫+<>*")
SIGNS = STRONG | set("-−–/π")
PAIRS = {")": "(", "]": "[", "}": "{", "）": "（"}
FUNCTIONS = {"sin", "cos", "tan", "log", "ln", "exp", "max", "min", "lim"}
PAD = "\ue000"  # stands where a space may have to be; see `normalise.py`


def read_formulas(text: str, tongue: Tongue) -> str:
    """Replaces the signs of formulas by words; numbers in them stay, for the rules that follow."""
    if not STRONG.intersection(text):
        return text
    out: list[str] = []
    run: list[str] = []
    for token in [*TOKEN.findall(text), ""]:
        if token and _belongs(token):
            run.append(token)
        else:
            out += [_formula(run, tongue), token]
            run = []
    return "".join(out)


def _belongs(token: str) -> bool:
    if token[0].isdigit() or token in SIGNS or token in PAIRS or token in PAIRS.values() or token in FUNCTIONS:
        return True
    return (token.isspace() and "\n" not in token) or (
        token.isalpha() and ((len(token) == 1 and token < "\u0500") or (token.isascii() and len(token) <= 3))
    )


def _operand(token: str) -> bool:
    return token[:1].isalnum() or token in ("π", "∞")


def _formula(run: list[str], tongue: Tongue) -> str:
    solid = [i for i, token in enumerate(run) if not token.isspace()]
    operands = sum(_operand(run[i]) and run[i] not in "²³" for i in solid)
    if not operands or not any(run[i] in STRONG for i in solid) or _is_markup([run[i] for i in solid]):
        return "".join(run)
    paired = _paired(run)
    out = list(run)
    for place, i in enumerate(solid):
        token = run[i]
        before = run[solid[place - 1]] if place else ""
        after = run[solid[place + 1]] if place + 1 < len(solid) else ""
        if i in paired:
            closes = token in PAIRS
            out[i] = (
                (", " if closes and after in SIGNS and after not in ("²", "³", "") else PAD) if tongue.spaced or closes else ""
            )
        elif token in SIGNS:
            out[i] = _sign(token, before, after, tongue)
        elif token.isalpha() and before[:1].isdigit() and i and not run[i - 1].isspace() and token not in tongue.units:
            out[i] = PAD + " ".join(token)  # 4ac
    return "".join(out)


def _sign(token: str, before: str, after: str, tongue: Tongue) -> str:
    token = "-" if token in "−–" else token
    first = not before or before in SIGNS - {"²", "³"} or before in PAIRS.values()
    word = tongue.signs[token]
    if token == "-" and first:
        word = tongue.minus  # the sign of a number, not a subtraction
    if token in "*-<>/" and not (after and (before or token == "-")):
        return token  # no formula: a dash, a mark of layout
    return f"{PAD}{word}{PAD}"


def _is_markup(tokens: list[str]) -> bool:
    """Only signs that also serve for other things, and nothing on both sides of them: "C++", "<b>", "* a"."""
    found = STRONG.intersection(tokens)
    if not found <= set("+*<>"):
        return False
    return not any(
        _operand(a) and sign in found and _operand(b) for a, sign, b in zip(tokens, tokens[1:], tokens[2:], strict=False)
    )


def _paired(run: list[str]) -> set[int]:
    """Places of brackets that have their counterpart in the run."""
    open_at: list[int] = []
    found: set[int] = set()
    for i, token in enumerate(run):
        if token in PAIRS.values():
            open_at.append(i)
        elif token in PAIRS and open_at and run[open_at[-1]] == PAIRS[token]:
            found |= {i, open_at.pop()}
    return found


# What is left of signs in running text. Brackets, dashes and slashes are punctuation, which the models know.
ALONE = re.compile(
    r"#(?=[\d\ue000])|№ ?|(?<=[^\s&]) & (?=[^\s&])|(?<=\w)&(?=\w)|[=±×÷√²³≤≥≠≈∞π∑∫§©→½¼¾⅓⅔@%°]"
    r"|(?<![^\s]) ?\+(?= ?[\w\ue000])|(?<=[\w\ue000)]) \+ (?=[\w\ue000(])|\+(?=\w)"
)
SILENT = re.compile(r"[#*_~^|\\{}<>`]+|\+")


def read_signs(text: str, tongue: Tongue) -> str:
    """Names the signs that are left; those that only lay out become spaces."""
    text = re.sub(r"(?<=\w)\+\+", lambda m: f"{PAD}{tongue.signs['+']} {tongue.signs['+']}{PAD}", text)
    text = ALONE.sub(lambda m: f"{PAD}{tongue.signs.get(m[0].strip(), tongue.signs['#'])}{PAD}", text)
    return SILENT.sub(PAD if tongue.spaced else " ", text)
