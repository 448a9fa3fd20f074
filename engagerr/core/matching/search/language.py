"""The language in which searches are written on a command line, read into a tree.

followers >= 20k and not (country in DE, AT) and topic ~ cooking and not conflicts(sports, DE, 2027-03-01..2027-04-30)
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import InvalidInput
from engagerr.core.matching.search.expression import MOST_DEPTH, All, Either, Node, Not, Test
from engagerr.core.matching.search.filters import find_filter

if TYPE_CHECKING:
    from pyparsing import ParserElement

_MOST_CHARACTERS = 10_000
# The library names what has no name of its own by its whole grammar.
_LONGEST_NAME = 100


class BadExpression(InvalidInput):
    """An expression that cannot be read, with the column where reading stopped."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        near = text[column - 1 : column + 19]
        place = f"at column {column}, before {near!r}" if near.strip() else f"at column {column}, at its end"
        super().__init__(
            f"The search cannot be read {place}: {reason}.",
            hint="Write FILTER OPERATOR VALUE, joined by and, or, not and brackets; `engagerr search filters` has"
            " examples of each.",
            facts={"expression": text, "column": column},
        )


def parse(text: str) -> Node:
    """The tree of an expression; an empty one means everybody. `InvalidInput` names the column, and a near filter."""
    if not text.strip():
        return All()
    if len(text) > _MOST_CHARACTERS:
        raise InvalidInput(f"The search is longer than {_MOST_CHARACTERS:,} characters.", hint="Write it shorter.")
    _refuse_depth(text)
    import pyparsing

    try:
        (tree,) = _grammar().parse_string(text, parse_all=True)
    except pyparsing.ParseBaseException as error:
        raise BadExpression(text, error.loc + 1, _reason(error, text)) from None
    except RecursionError:
        raise InvalidInput("The search is nested too deeply.", hint="Write it flatter.") from None
    node: Node = tree
    return node


def _refuse_depth(text: str) -> None:
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth > MOST_DEPTH:
            raise BadExpression(text, place + 1, f"brackets are nested more than {MOST_DEPTH} deep")


def _reason(error: Any, text: str) -> str:
    expected = str(error.msg).removeprefix("Expected ").strip("'\"")
    if expected == "end of text":
        return "expected and, or, or the end"
    if len(expected) > _LONGEST_NAME:
        expected = "a filter"
    elif "string enclosed" in expected:
        expected = "a value"
    return f"expected {expected}" if text[error.loc :].strip() else f"expected {expected}, and there is nothing more"


@cache
def _grammar() -> ParserElement:
    import pyparsing as pp

    def keyword(word: str) -> Any:
        return pp.CaselessKeyword(word).suppress().set_name(word)

    and_, or_, not_, in_, is_, for_ = (keyword(word) for word in ("and", "or", "not", "in", "is", "for"))
    reserved = pp.MatchFirst([pp.CaselessKeyword(word) for word in ("and", "or", "not", "in", "is", "for")])
    name = (~reserved + pp.Regex(r"[A-Za-z_]\w*(?:\.[\w+-]+)*")).set_name("a filter")
    quoted = pp.QuotedString('"', esc_char="\\") | pp.QuotedString("'", esc_char="\\")
    bare = pp.Regex(r"[^\s,()<>=!~\"']+")
    # Where a value must stand, a word of the language is one as well: IN is India, IS is Iceland.
    value = (quoted | bare).set_name("a value")
    values = pp.DelimitedList(value)
    days = pp.Regex(r"\d{4}-\d\d-\d\d(?:\.\.\d{4}-\d\d-\d\d)?").set_name("days")
    operator = pp.one_of("= != < <= > >= ~").set_name("an operator")
    argument = (for_ + value).set_parse_action(lambda found: [f"for {found[0]}"]) | value

    compared = (operator - value).set_parse_action(lambda found: [(found[0], tuple(found[1:]))])
    among = (in_ - values).set_parse_action(lambda found: [("in", tuple(found))])
    not_among = (not_ + in_ - values).set_parse_action(lambda found: [("not in", tuple(found))])
    state = pp.CaselessKeyword("known") | pp.CaselessKeyword("missing")
    stated = (is_ - state.set_name("known or missing")).set_parse_action(lambda found: [(found[0], ())])
    called = (pp.Suppress("(") - pp.Optional(pp.DelimitedList(argument)) - pp.Suppress(")")).set_parse_action(
        lambda found: [("call", tuple(found))]
    )
    dated = days.copy().set_parse_action(lambda found: [("range", (found[0],))])
    tail = compared | among | not_among | stated | called | dated

    def test(whole: str, place: int, found: Any) -> Node:
        written, (way, given) = found[0], found[1] if len(found) > 1 else ("flag", ())
        place = next(at for at in range(place, len(whole)) if not whole[at].isspace())
        find_filter(written, column=place + 1)
        if way == "not in":
            return Not(Test(written, "in", given, place + 1))
        return Test(written, way, given, place + 1)

    one = (name + pp.Optional(tail)).set_parse_action(test)
    either = pp.Forward()
    bracketed = pp.Suppress("(") - either - pp.Suppress(")").set_name("a closing bracket")
    negated = pp.Forward()
    negated <<= (not_ - negated).set_parse_action(lambda found: Not(found[0])) | bracketed | one
    negated.set_name("a filter")
    both = (negated + pp.ZeroOrMore(and_ - negated)).set_parse_action(
        lambda found: found[0] if len(found) == 1 else All(tuple(found))
    )
    either <<= (both + pp.ZeroOrMore(or_ - both)).set_parse_action(
        lambda found: found[0] if len(found) == 1 else Either(tuple(found))
    )
    return either
