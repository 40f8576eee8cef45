"""The noun `catalog`: check a price list, show it, see what it would change, put it into force."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tollkeeper.cli import answers
from tollkeeper.cli.calls import Call, verb
from tollkeeper.cli.failures import DONE, FOUND
from tollkeeper.cli.shared import Json
from tollkeeper.cli.sheets import Column, Facts, Part, Sheet, counted, moment, number
from tollkeeper.values.texts import canonical_json

if TYPE_CHECKING:
    from tollkeeper.catalog.catalog import Catalog
    from tollkeeper.catalog.planning import CatalogDiff, CatalogVersion

app: Final = typer.Typer(
    help="Check, compare and apply what is sold and what it costs.", no_args_is_help=True
)

File = Annotated[str, typer.Argument(metavar="FILE", help="The catalog, such as billing.toml.")]
Version = Annotated[
    str | None,
    typer.Option("--applied-version", metavar="HASH", help="An earlier catalog, by its version."),
]
AnyNewFile = Annotated[
    str | None,
    typer.Argument(metavar="[FILE]", help="The new catalog.", show_default=False),
]


@app.command("check")
def check(file: File, *, as_json: Json = False) -> None:
    """Check a catalog, and tell every mistake with its line; no database is needed."""
    catalog = _read(file)
    if as_json:
        typer.echo(canonical_json(_checked(catalog)))
        return
    for warning in catalog.warnings:
        typer.echo(f"warning: {warning}", err=True)
    plans = counted(len(catalog.plans), "plan", "plans")
    features = counted(len(catalog.features), "feature", "features")
    typer.echo(f"{file} is valid: {features}, {plans}; version {catalog.version}.")


def _checked(catalog: "Catalog") -> dict[str, Any]:
    return {
        "version": catalog.version,
        "features": len(catalog.features),
        "plans": len(catalog.plans),
        "warnings": [warning.to_dict() for warning in catalog.warnings],
    }


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema by which editors check and complete a billing.toml."""
    from tollkeeper.catalog.catalog import Catalog

    typer.echo(json.dumps(Catalog.json_schema(), indent=2, ensure_ascii=False))


@verb(app, "show")
def show(call: Call) -> None:
    """Show what the catalog in force sells: plans with prices and what they include, and packs."""
    with call.billing() as billing:
        catalog = billing.catalog.in_force()
        plans, packs = billing.catalog.plans(), billing.catalog.packs()
    data = json.loads(catalog.canonical()) | {"version": catalog.version}
    rows = [
        (
            plan.key,
            plan.name,
            ", ".join(price.text for price in plan.prices) or "free",
            "; ".join((*plan.included, *plan.entitlements, *plan.limits)),
        )
        for plan in plans
    ]
    sold = [(pack.key, pack.name, pack.price.format(), "") for pack in packs]
    sheet = Sheet(
        columns=(Column("key"), Column("name", drop=1), Column("price"), Column("includes")),
        rows=(*rows, *sold),
        empty="Nothing is sold.",
        note=f"version {catalog.version}",
    )
    answers.show(call, data, lambda: [sheet])


@verb(app, "diff")
def diff(call: Call, file: AnyNewFile = None, *, version: Version = None) -> int:
    """Tell what another catalog would change: customers, money and balances; 1 if anything."""
    with call.billing() as billing:
        found = billing.catalog.diff(
            billing.catalog.version(version) if version else _read(_named(file))
        )
    answers.show(call, found.to_dict(), lambda: _parts(found))
    return DONE if found.is_empty else FOUND


@verb(app, "apply", by_hand=True, takes_metadata=False)
def apply(call: Call, file: AnyNewFile = None, *, version: Version = None) -> None:
    """Put a catalog into force, here and in every other process; an earlier one to go back."""
    with call.billing() as billing:
        new = billing.catalog.version(version) if version else _read(_named(file))
        found = billing.catalog.diff(new)
        applied = billing.catalog.apply(
            new, actor=call.change["actor"], reason=call.change["reason"]
        )
    data = {"applied": applied.to_dict(), "diff": found.to_dict()}
    answers.show(call, data, lambda: [*_parts(found), f"In force: {applied.version}."])


@verb(app, "versions")
def versions(call: Call) -> None:
    """List the catalogs that were put into force, by whom and why, the last first."""
    with call.billing() as billing:
        found = billing.catalog.versions()
    data = {"versions": [each.to_dict() for each in found]}
    answers.show(call, data, lambda: [_versions(found)])


def _named(file: str | None) -> str:
    if file is None:
        raise typer.BadParameter("Name the catalog's file, or an --applied-version.")
    return file


def _read(file: str) -> "Catalog":
    from tollkeeper.catalog.catalog import Catalog

    try:
        return Catalog.load(file)
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}.") from error


def _parts(found: "CatalogDiff") -> list[Part]:
    if found.is_empty:
        return ["Both say the same."]
    parts: list[Part] = ["\n".join(str(each) for each in found.differences)]
    parts += [_plans(found)] if found.plans else []
    facts = [("on these plans, as sold", _customers(found))] if found.customers else []
    facts += [
        (
            f"a month in {each.currency}",
            f"{each.before.format()} as sold, {each.after.format()} as the new catalog sells",
        )
        for each in found.revenue
    ]
    facts += [
        (
            f"{each.unit} are gone",
            f"{counted(each.customers, 'customer holds', 'customers hold')} {number(each.amount)}",
        )
        for each in found.units
    ]
    facts += [
        (
            f"{each.customer} would be beyond",
            f"{each.limit}: {number(each.used)} of {number(each.at_most)}",
        )
        for each in found.limits
    ]
    return [*parts, Facts(tuple(facts))] if facts else parts


def _customers(found: "CatalogDiff") -> str:
    first = ", ".join(found.first_customers)
    more = " …" if found.customers > len(found.first_customers) else ""
    return f"{found.customers:,}: {first}{more}"


def _plans(found: "CatalogDiff") -> Sheet:
    rows = [
        (
            each.plan,
            each.kind,
            f"{each.subscriptions:,}",
            "; ".join(
                f"{unit}: {number(before)} → {number(after)}"
                for unit, (before, after) in each.allowances.items()
            ),
        )
        for each in found.plans
    ]
    columns = (
        Column("plan"),
        Column("is"),
        Column("subscriptions", is_number=True),
        Column("allowances of all, as sold → anew"),
    )
    note = "Who has a plan keeps what was sold to him."
    return Sheet(columns=columns, rows=tuple(rows), note=note)


def _versions(found: "tuple[CatalogVersion, ...]") -> Sheet:
    rows = [
        (
            each.version,
            moment(each.applied_at),
            each.actor or "",
            each.reason or "",
            "in force" if each.is_in_force else "",
        )
        for each in found
    ]
    columns = (
        Column("version"),
        Column("applied"),
        Column("by"),
        Column("why", drop=1),
        Column(""),
    )
    return Sheet(columns=columns, rows=tuple(rows), empty="No catalog was ever applied.")
