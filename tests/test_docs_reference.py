"""The reference of the rooms says what the code says: verbs, answers, kinds, errors, limits."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Unpack, get_args, get_origin, get_type_hints

import pytest

import tollkeeper
from tollkeeper import Billing, errors
from tollkeeper.catalog.terms import AtLimit
from tollkeeper.decisions.ending import When
from tollkeeper.decisions.granting import SOURCES, Defaults, defaults_of
from tollkeeper.decisions.holding import MAXIMUM_LIFETIME
from tollkeeper.ledger.audit import Progress
from tollkeeper.ledger.auditing.kinds import KINDS
from tollkeeper.ledger.reading import MAXIMUM_PAGE
from tollkeeper.metering.calls.estimating import Estimating
from tollkeeper.metering.calls.functions import Said
from tollkeeper.metering.calls.meter import C, F, Meter
from tollkeeper.metering.calls.terms import CallOptions, FunctionOptions
from tollkeeper.notices import Notice
from tollkeeper.operations.applying import MAXIMUM_VERSIONS
from tollkeeper.operations.books import MAXIMUM_FINDINGS, Books
from tollkeeper.operations.calls import (
    DEFAULT_LIFETIME,
    MAXIMUM_REASON,
    RESERVED_PREFIX,
    MoneyLimit,
    Overdraft,
)
from tollkeeper.operations.catalogs import Catalogs
from tollkeeper.operations.charges import Charges
from tollkeeper.operations.charging import Charging
from tollkeeper.operations.credits import Credits
from tollkeeper.operations.customers import Customers
from tollkeeper.operations.entitlements import Entitlements
from tollkeeper.operations.fields import MAXIMUM_EMAIL, Fields
from tollkeeper.operations.jobs import MAXIMUM_ACCOUNTS, Jobs
from tollkeeper.operations.limits import MAXIMUM_CHANGES, Limits
from tollkeeper.operations.making import MAXIMUM_FEATURES, MAXIMUM_PRIORITY
from tollkeeper.operations.metering import MAXIMUM_EVENTS
from tollkeeper.operations.model_calls import MAXIMUM_CALLS, ModelCalls
from tollkeeper.operations.notices import Notices
from tollkeeper.operations.pricing import MAXIMUM_DIMENSIONS, MAXIMUM_TAGS
from tollkeeper.operations.promotions import Promotions
from tollkeeper.operations.subscriptions import MAXIMUM_QUANTITY, Subscriptions
from tollkeeper.operations.summing import PeriodWord
from tollkeeper.operations.usage import Usage
from tollkeeper.operations.wallet import Wallet
from tollkeeper.values.charges import ChargeHoldReceipt, ChargeReceipt
from tollkeeper.values.findings import Checked, Finding
from tollkeeper.values.receipts import HoldReceipt
from tollkeeper.values.texts import (
    MAXIMUM_CHARACTERS,
    MAXIMUM_METADATA_BYTES,
    MAXIMUM_METADATA_DEPTH,
)
from tollkeeper.values.units import CREDITS_SCALE, CURRENCY_SCALE, ZERO_DECIMAL_SCALE

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
#: What all rooms share, and a page for each; notices have theirs beside.
SHARED = REFERENCE / "python.md"
PAGES = (SHARED, REFERENCE / "notices.md", *sorted((REFERENCE / "python").glob("*.md")))

#: The rooms by the names of their verbs on the pages; the verbs of two stand on `billing` itself.
CLASSES: tuple[tuple[str, type], ...] = (
    ("billing", Charging),
    ("billing", Meter),
    ("billing", Estimating),
    ("charges", Charges),
    ("model_calls", ModelCalls),
    ("credits", Credits),
    ("wallet", Wallet),
    ("usage", Usage),
    ("limits", Limits),
    ("entitlements", Entitlements),
    ("subscriptions", Subscriptions),
    ("promotions", Promotions),
    ("catalog", Catalogs),
    ("customers", Customers),
    ("books", Books),
    ("jobs", Jobs),
    ("notices", Notices),
)
#: Public classes that are no answers: what opens the rooms, and what callers make.
ASKED = {"AsyncBilling", "Billing", "Catalog", "Finding", "Money", "Period", "Unit"}
ANSWERS: tuple[type, ...] = tuple(
    kind
    for kind in (getattr(tollkeeper, name) for name in tollkeeper.__all__ if name not in ASKED)
    if inspect.isclass(kind)
)
#: Answers whose table tells only what they add to another.
ADDING = (HoldReceipt, ChargeReceipt, ChargeHoldReceipt)
#: The names that the signatures on the pages use.
NAMES: dict[str, Any] = {
    **{name: getattr(tollkeeper, name) for name in tollkeeper.__all__},
    **{kind.__name__: kind for kind in (CallOptions, Decimal, FunctionOptions, Notice, Path)},
    "Any": Any,
    "AtLimit": AtLimit,
    "C": C,
    "Callable": Callable,
    "F": F,
    "Iterable": Iterable,
    "Iterator": Iterator,
    "Literal": Literal,
    "Mapping": Mapping,
    "MoneyLimit": MoneyLimit,
    "Overdraft": Overdraft,
    "PeriodWord": PeriodWord,
    "Progress": Progress,
    "Said": Said,
    "Sequence": Sequence,
    "Unpack": Unpack,
    "When": When,
    "datetime": datetime,
    "timedelta": timedelta,
}

#: A verb's parameters, each with whether it goes by keyword alone, its type and its default; and
#: what it answers.
Signature = tuple[dict[str, tuple[bool, Any, Any]], Any]


def text() -> str:
    """All pages of the reference of the rooms, one after another."""
    return "\n".join(page.read_text() for page in PAGES)


def on_the_page() -> dict[str, Signature]:
    """The signature of each verb, as the reference writes it."""
    blocks = re.findall(r"^##+ `(\w+\.\w+)`\n\n```py\n(.*?)\n```", text(), re.M | re.S)
    assert len({name for name, _ in blocks}) == len(blocks)
    return {name: written(name, block) for name, block in blocks}


def written(name: str, block: str) -> Signature:
    """Read a signature; its names mean what they mean in the code."""
    made: dict[str, Any] = dict(NAMES)
    exec(block + ": ...", made)
    verb = made[name.partition(".")[2]]
    return read(verb, inspect.signature(verb).parameters.values())


def in_the_code() -> dict[str, Signature]:
    """The signature of each public verb of each room, its options written out."""
    return {
        f"{room}.{name}": read(verb, spelled_out(verb))
        for room, kind in CLASSES
        for name, verb in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def spelled_out(verb: Callable[..., Any]) -> list[inspect.Parameter]:
    """List the parameters of a verb but `self`; what `**options` may hold, one by one."""
    given = list(inspect.signature(verb).parameters.values())[1:]
    named = [each for each in given if each.kind is not inspect.Parameter.VAR_KEYWORD]
    for each in given:
        if get_origin(each.annotation) is Unpack:
            [options] = get_args(each.annotation)
            if options in (CallOptions, FunctionOptions):  # they have a table of their own
                named.append(each)
            else:
                named += [option(options, name) for name in sorted(options.__optional_keys__)]
    return named


def option(options: Any, name: str) -> inspect.Parameter:
    """Make the parameter of an option; None clears a customer's field, so `...` is its default."""
    is_field = options.__name__ == "Change" and name in Fields.__optional_keys__
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=... if is_field else None,
        annotation=get_type_hints(options)[name],
    )


def read(verb: Callable[..., Any], parameters: Any) -> Signature:
    """Give what is compared of a signature."""
    found = {
        each.name: (
            each.kind is inspect.Parameter.KEYWORD_ONLY,
            meant(verb, each.annotation),
            each.default,
        )
        for each in parameters
    }
    return found, meant(verb, inspect.signature(verb).return_annotation)


def meant(verb: Callable[..., Any], annotation: Any) -> Any:
    """Read an annotation that is written as a text, as the code and the pages mean it."""
    if not isinstance(annotation, str):
        return annotation
    return eval(annotation, {**vars(sys.modules[verb.__module__]), **NAMES})  # the code's own


def test_the_reference_has_every_verb_as_it_is() -> None:
    """No verb is missing and none is invented; parameters, types, defaults and answers agree."""
    assert on_the_page() == in_the_code()


def test_the_reference_has_every_room() -> None:
    """Whatever `billing` opens and whatever it can be asked stands in the table of rooms."""
    table = SHARED.read_text().partition("| room | about |")[2].partition("\n\n")[0]
    listed = set(re.findall(r"`(?:billing\.)?(\w+)`", table)) - {"billing"}
    with Billing("sqlite://") as billing:
        opened = {name for name in vars(billing) if not name.startswith("_")}
    assert listed == opened


def test_the_reference_has_every_option_of_a_metered_call() -> None:
    """With its type, as the code writes it."""
    assert table_of("Options of a call") == list(get_type_hints(CallOptions))


def table_of(heading: str) -> list[str]:
    """The names in the first column of the table under a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", text(), flags=re.MULTILINE)[1]
    section = re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\|(.*?)\|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def shown(answer: type) -> set[str]:
    """What can be read of an answer: its fields and its properties."""
    own = answer.__mro__[:1] if answer in ADDING else answer.__mro__
    names = {name for kind in own for name in getattr(kind, "__annotations__", {})}
    for kind in own:
        names |= {name for name, value in vars(kind).items() if isinstance(value, property)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_the_reference_has_every_field_of_an_answer(answer: type) -> None:
    assert sorted(table_of(f"`{answer.__name__}`")) == sorted(shown(answer))


@pytest.mark.parametrize("inner", [Checked, Finding])
def test_the_reference_has_every_field_within_a_report(inner: type) -> None:
    row = next(line for line in text().splitlines() if inner.__name__ in line)
    assert shown(inner) <= set(re.findall(r"`(\w+)`", row))


def test_the_reference_has_every_kind_of_entry() -> None:
    assert table_of("Kinds of entries") == list(KINDS)


def test_the_reference_has_every_error_and_its_code() -> None:
    section = SHARED.read_text().partition("\n## Errors\n")[2]
    rows = re.findall(r"^\| (?:\*\*)?`(\w+)`(?:\*\*)? \| `(\w+)` \|", section, re.MULTILINE)
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind)]
    found = {kind.__name__: kind for kind in kinds if issubclass(kind, errors.TollkeeperError)}
    tree = re.findall(r"^    [│ ]*(?:[├└]── )?(\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(tree) == sorted(found)
    assert rows == [(name, found[name].code) for name in tree]


def test_the_reference_has_the_defaults_of_every_source() -> None:
    section = text().partition("| source | priority | paid |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| (`.*) \| (\d+) \| (yes|no) \|", section)
    told = {
        source: Defaults(int(priority), paid=paid == "yes")
        for sources, priority, paid in rows
        for source in re.findall(r"`(\w+)`", sources)
    }
    assert told == SOURCES
    assert "`promotion`, and any word of yours" in section
    assert defaults_of("a word of yours") == SOURCES["promotion"]


def test_the_reference_has_the_limits_of_the_code() -> None:
    told = " ".join(text().split())
    minutes, hours = DEFAULT_LIFETIME / timedelta(minutes=1), MAXIMUM_LIFETIME / timedelta(hours=1)
    kilobytes = MAXIMUM_METADATA_BYTES / 1024
    assert f"{minutes:g} minutes unless you say so, above zero and at most {hours:g} hours" in told
    assert f"`priority` is 0 to {MAXIMUM_PRIORITY:,}" in told
    assert f"`features` are up to {MAXIMUM_FEATURES} keys" in told
    assert f"have 1 to {MAXIMUM_CHARACTERS} characters and no control characters" in told
    assert f"a reason has up to {MAXIMUM_REASON:,}" in told
    assert f"an e-mail address up to {MAXIMUM_EMAIL}" in told
    assert f"at most {kilobytes:g} KB and {MAXIMUM_METADATA_DEPTH} levels" in told
    assert f"`limit` is 1 to {MAXIMUM_PAGE:,}" in told
    assert f"`most` (1 to {MAXIMUM_FINDINGS:,})" in told
    assert f"at most `limit` accounts (1 to {MAXIMUM_ACCOUNTS:,})" in told
    assert f"Credits keep {CREDITS_SCALE} decimal digits" in told
    assert f"currencies keep {CURRENCY_SCALE}," in told
    assert f"such as yen, {ZERO_DECIMAL_SCALE}." in told
    assert f"those that begin with `{RESERVED_PREFIX}` are reserved" in told
    assert f"`tags` (up to {MAXIMUM_TAGS})" in told
    assert f"`dimensions` are up to {MAXIMUM_DIMENSIONS} names" in told
    assert f"Record up to {MAXIMUM_EVENTS:,} events" in told
    assert f"counts seats, 1 to {MAXIMUM_QUANTITY:,}" in told
    assert f"`limit` is 1 to {MAXIMUM_CALLS:,}. Answers a [`ModelCallPage`]" in told
    assert f"when and why, the latest first, up to {MAXIMUM_CHANGES:,}" in told
    assert f"the last first, up to {MAXIMUM_VERSIONS:,}" in told


def test_the_reference_has_every_argument_of_the_front_door() -> None:
    assert table_of("The front door") == list(inspect.signature(Billing).parameters)
