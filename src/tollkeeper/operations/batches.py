"""Batches of charges: made into requests all or none, each answered by itself, in their order.

The law: the books and the receipts are those of the same charges called one by one. What is wrong
with a charge as it was written refuses the whole batch, before anything is queued; what the rules
or the books say of one concerns that one alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tollkeeper.decisions.charging import Charge
from tollkeeper.errors import InvalidRequest, Refusal, StoreError, TollkeeperError
from tollkeeper.operations import pricing
from tollkeeper.operations.calls import Desk
from tollkeeper.operations.uses import NewCharge
from tollkeeper.values.attempts import ChargeAttempt

#: The most charges of one batch: what one transaction takes, so that it holds up others no longer.
MAXIMUM_CHARGES: Final = 1_000

_REQUIRED: Final = NewCharge.__required_keys__
_FIELDS: Final = _REQUIRED | NewCharge.__optional_keys__


def requests(desk: Desk, charges: object) -> list[Charge]:
    """Make the requests of a batch; an error names the first that is wrong, by its place."""
    if isinstance(charges, Mapping | str | bytes) or not isinstance(charges, Sequence):
        raise InvalidRequest("charges is a list of dicts, each as `charge` takes it.")
    if not 0 < len(charges) <= MAXIMUM_CHARGES:
        raise InvalidRequest(
            f"A batch has 1 to {MAXIMUM_CHARGES:,} charges, not {len(charges):,}; send several."
        )
    return [_request(desk, number, given) for number, given in enumerate(charges)]


def attempts(results: Sequence[Any]) -> tuple[ChargeAttempt, ...]:
    """Answer each charge; raise where the database could do none of them."""
    if all(isinstance(result, StoreError) for result in results):
        raise results[0]
    return tuple([_attempt(result) for result in results])


def _request(desk: Desk, number: int, given: object) -> Charge:
    options = _checked(number, given)
    customer, feature = options.pop("customer"), options.pop("feature")
    quantity = options.pop("quantity", 1)
    try:
        return pricing.charge(desk, customer, feature, quantity, options)
    except TollkeeperError as error:
        details = error.details | {"number": number}
        raise type(error)(f"Charge {number}: {error.message}", **details) from error


def _checked(number: int, given: object) -> Any:
    """Check the shape of a charge; give a copy of it."""
    if not isinstance(given, Mapping):
        raise InvalidRequest(
            f"Charge {number} is of type {type(given).__name__}; it must be a dict.", number=number
        )
    if given.keys() <= _FIELDS and given.keys() >= _REQUIRED:
        return dict(given)
    unknown = sorted(str(name) for name in given.keys() - _FIELDS)
    missing = sorted(_REQUIRED - given.keys())
    says = f"has no {missing[0]!r}" if missing else f"has an unknown field {unknown[0]!r}"
    known = ", ".join(sorted(_FIELDS))
    raise InvalidRequest(f"Charge {number} {says}; it may have: {known}.", number=number)


def _attempt(result: Any) -> ChargeAttempt:
    """Say what became of one charge; what is no error of ours is raised."""
    if isinstance(result, TollkeeperError) and not isinstance(result, Refusal):
        return ChargeAttempt(success=False, failure=result)
    return pricing.attempt(result)
