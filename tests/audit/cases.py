"""Ways to break the books by hand, law by law, and what the audit has to say of each."""

from collections.abc import Callable
from typing import NamedTuple

from tests.audit.breaking import Raw

Break = Callable[[Raw], object]


class Case(NamedTuple):
    """One way to break the books, and what the audit has to say of it."""

    name: str
    breaks: Break
    #: A part of what the finding says.
    says: str
    customer: str | None = None


def sql(*statements: str) -> Break:
    """Break the books by statements, each of which has to reach a row."""

    def run(raw: Raw) -> None:
        for statement in statements:
            assert raw.run(statement) != 0, statement

    return run


def entry(customer: str, kind: str, change: str) -> str:
    """Change the entry of this kind; there is one."""
    return f"UPDATE {{operation}} SET {change} WHERE customer_id = '{customer}' AND kind = '{kind}'"


def account(customer: str, change: str) -> str:
    """Change an account's row."""
    return f"UPDATE {{account}} SET {change} WHERE customer_id = '{customer}'"


def fact(customer: str, change: str, which: str = "1 = 1") -> str:
    """Change the facts of a customer's grants."""
    return f"UPDATE {{grant_fact}} SET {change} WHERE customer_id = '{customer}' AND {which}"


def grants(customer: str, change: Callable[[list[list[object]]], list[list[object]]]) -> Break:
    """Change what an account says of its open grants."""
    return lambda raw: raw.grants(customer, change)


def swap_lines(customer: str, kind: str, lines: str) -> Break:
    """Write other lines into an entry: A and B stand for the customer's first two grants."""

    def run(raw: Raw) -> None:
        found = raw.rows(
            "SELECT id FROM {grant_fact} WHERE customer_id = :customer ORDER BY created_at, id",
            customer=customer,
        )
        text = lines.replace("A", found[0][0]).replace("B", found[1][0])
        statement = entry(customer, kind, "lines = :lines")
        assert raw.run(statement, lines=text) == 1

    return run


def both(*breaks: Break) -> Break:
    """Break the books in several places at once."""

    def run(raw: Raw) -> None:
        for one in breaks:
            one(raw)

    return run


def given(remaining: dict[int, int]) -> Callable[[list[list[object]]], list[list[object]]]:
    """Let some grants, by their place in the burn order, have another rest."""

    def change(cells: list[list[object]]) -> list[list[object]]:
        for place, rest in remaining.items():
            cells[place][1] = rest
        return cells

    return change


MILLION = 1_000_000

SUMS = [
    Case(
        "a gap in the versions",
        sql(entry("bob", "consume", "version = 3"), account("bob", "version = 3")),
        "without a gap",
        "bob",
    ),
    Case(
        "a balance that does not follow",
        sql(entry("bob", "transfer_in", "available = available + 5")),
        "before it plus its change",
        "bob",
    ),
    Case(
        "an account that says something else than its entries",
        sql(account("ann", "available = available - 5, held = held + 5")),
        "not the sum of its entries",
        "ann",
    ),
    Case(
        "an account that counts more entries",
        sql(account("ann", "version = version + 1")),
        "not that of its last entry",
        "ann",
    ),
    Case(
        "an account written at another time",
        sql("UPDATE {account} SET updated_at = due_at WHERE customer_id = 'ann'"),
        "not last written",
        "ann",
    ),
    Case(
        "a merged account is open again",
        sql(account("hal", "merged_into = NULL")),
        "closed by a merge",
        "hal",
    ),
    Case(
        "an account is closed by no merge",
        sql(account("eve", "merged_into = 'ann'")),
        "closed by a merge",
        "eve",
    ),
]

BALANCES = [
    Case(
        "a change that is not what the lines add up to",
        sql(
            entry(
                "bob",
                "consume",
                f"available_change = -{MILLION}, held_change = -{MILLION}, "
                f"available = available + {MILLION}, held = -{MILLION}",
            ),
            account("bob", f"available = available + {MILLION}, held = -{MILLION}"),
        ),
        "not what its lines",
        "bob",
    ),
    Case("another rest", grants("bob", given({0: 7})), "does not stand as its entries", "bob"),
    Case("a grant is forgotten", grants("bob", lambda _: []), "not among", "bob"),
    Case(
        "a grant that waits is spent early",
        grants("ann", lambda cells: [[*cell[:9], 0] for cell in cells]),
        "does not stand as its entries",
        "ann",
    ),
    Case(
        "another burn order",
        grants("ann", lambda cells: cells[::-1]),
        "burn order",
        "ann",
    ),
    Case("rubbish", sql(account("ann", "grants = 'rubbish'")), "cannot be read", "ann"),
    Case("nothing will expire", sql(account("ann", "due_at = NULL")), "comes due", "ann"),
    Case(
        "a hold lapses unnoticed",
        sql(account("ann", "due_at = (SELECT max(expires_at) FROM {grant_fact})")),
        "comes due",
        "ann",
    ),
    Case(
        "a hold that drew something else",
        sql(
            "UPDATE {hold} SET drawn = replace(drawn, ',10000000]]', ',9000000]]')"
            " WHERE customer_id = 'ann' AND status = 'open'"
        ),
        "have not drawn",
        "ann",
    ),
    Case(
        "a hold that cannot be read",
        sql("UPDATE {hold} SET drawn = '[[7]]' WHERE customer_id = 'ann' AND status = 'open'"),
        "cannot be read",
        "ann",
    ),
    Case(
        "a hold closed behind the account's back",
        sql(
            "UPDATE {hold} SET status = 'released', closed_by ="
            " (SELECT max(id) FROM {operation} WHERE customer_id = 'ann' AND kind = 'consume')"
            " WHERE customer_id = 'ann' AND status = 'open'"
        ),
        "have not drawn",
        "ann",
    ),
]

GRANTS = [
    Case("a greater grant", sql(fact("eve", "amount = amount + 1")), "not what its entry", "eve"),
    Case(
        "a grant that was removed",
        sql("DELETE FROM {grant_fact} WHERE customer_id = 'eve'"),
        "does not have",
        "eve",
    ),
    Case(
        "a grant out of nothing",
        sql(
            "INSERT INTO {grant_fact} SELECT customer_id, 'grt_made_up', unit, operation_id,"
            " amount, source, source_id, priority, paid, effective_at, expires_at, cost,"
            " cost_currency, features, origin, created_at FROM {grant_fact}"
            " WHERE customer_id = 'eve'"
        ),
        "made by no entry",
        "eve",
    ),
    Case(
        "lines that cannot be read",
        sql(entry("cyd", "set_overdraft", "lines = 'rubbish'")),
        "cannot be read",
        "cyd",
    ),
    Case(
        "lines that are no lines",
        sql(entry("cyd", "set_overdraft", "lines = '[[1,2]]'")),
        "cannot be read",
        "cyd",
    ),
    Case(
        "more is taken than there is",
        both(
            swap_lines("fay", "consume", f'[["A",-{12 * MILLION}]]'),
            lambda raw: raw.grants("fay", given({0: 10 * MILLION})),
        ),
        "than remained",
        "fay",
    ),
    Case(
        "more comes back than went out",
        both(
            swap_lines(
                "fay",
                "release",
                f'[["A",{11 * MILLION},-{10 * MILLION}],["B",{MILLION},-{2 * MILLION}]]',
            ),
            swap_lines("fay", "consume", f'[["A",-{11 * MILLION}],["B",-{MILLION}]]'),
        ),
        "than went out",
        "fay",
    ),
]

DEBT = [
    Case(
        "a kind that makes no debt",
        sql(
            entry("cyd", "consume", "kind = 'revoke', mark = NULL") + " AND debt_change > 0",
        ),
        "made debt grow",
        "cyd",
    ),
    Case("an adjustment", sql(entry("cyd", "adjust", "mark = NULL")), "without a mark", "cyd"),
    Case(
        "debt while there was something left",
        both(
            lambda raw: raw.run(
                entry("bob", "consume", "debt_change = :more, debt = :more, lines = :lines"),
                more=MILLION,
                lines=raw.rows(
                    "SELECT lines FROM {operation} WHERE customer_id = 'bob' AND kind = 'consume'"
                )[0][0].replace("-2000000", "-1000000"),
            ),
            sql(account("bob", f"debt = {MILLION}")),
            grants("bob", given({0: 4 * MILLION})),
        ),
        "something was left",
        "bob",
    ),
    Case(
        "debt beyond the account's limit",
        sql(
            "UPDATE {operation} SET result = replace(result, '20000000', '11000000')"
            " WHERE customer_id = 'cyd' AND kind = 'set_overdraft'",
            account("cyd", "overdraft = 11000000"),
        ),
        "passed the account's own limit",
        "cyd",
    ),
    Case(
        "a limit that nobody set",
        sql(account("cyd", "overdraft = 21000000")),
        "not the one that an entry set",
        "cyd",
    ),
    Case(
        "debt that came back beyond the limit",
        sql(entry("gil", "reverse", "mark = NULL") + " AND mark IS NOT NULL"),
        "passed the account's own limit",
        "gil",
    ),
    Case(
        "debt that was merged beyond the limit",
        sql(entry("ian", "merge_in", "mark = NULL")),
        "passed the account's own limit",
        "ian",
    ),
]

KEYS = [
    Case(
        "a key without its fingerprint",
        sql("UPDATE {operation} SET fingerprint = NULL WHERE idempotency_key = 'k1'"),
        "do not stand together",
        "ann",
    ),
    Case(
        "a key on another part than the head",
        sql(entry("bob", "transfer_in", "idempotency_key = 'new', fingerprint = 'new'")),
        "not the head",
        "bob",
    ),
    Case(
        "a result that cannot be given again",
        sql("UPDATE {operation} SET result = 'rubbish' WHERE idempotency_key = 's1'"),
        "cannot be read",
        "ann",
    ),
    Case(
        "a key with two operations",
        both(
            lambda raw: raw.forget_unique_keys(),
            sql(
                "UPDATE {operation} SET idempotency_key = 'k1', fingerprint = 'other'"
                " WHERE idempotency_key = 's1'"
            ),
        ),
        "several operations",
        "ann",
    ),
    Case(
        "a part that is missing",
        sql(entry("bob", "transfer_in", "part = 2")),
        "without a gap",
        None,
    ),
    Case(
        "a change without an entry",
        sql("UPDATE {operation} SET available_change = 5 WHERE idempotency_key = 'nothing to do'"),
        "of no account",
        "cyd",
    ),
]

WHOLE_BOOK = [
    Case(
        "a release that takes value",
        sql(entry("eve", "consume", "kind = 'release'")),
        "must keep value",
        "eve",
    ),
    Case(
        "a consume that gives value",
        sql(entry("eve", "grant", "kind = 'consume'")),
        "must take value",
        "eve",
    ),
    Case(
        "a grant that takes value",
        sql(entry("eve", "consume", "kind = 'grant'")),
        "must give value",
        "eve",
    ),
    Case(
        "a customer who took a transfer is gone",
        sql(
            "DELETE FROM {operation} WHERE customer_id = 'bob'",
            "DELETE FROM {grant_fact} WHERE customer_id = 'bob'",
            "DELETE FROM {account} WHERE customer_id = 'bob'",
        ),
        "not what arrived",
        None,
    ),
    Case(
        "a customer who took a merge is gone",
        sql(
            "DELETE FROM {operation} WHERE customer_id = 'ian'",
            "DELETE FROM {grant_fact} WHERE customer_id = 'ian'",
            "DELETE FROM {account} WHERE customer_id = 'ian'",
        ),
        "What left by merge_out",
        None,
    ),
]

APPEND_ONLY = [
    Case(
        "an entry booked before the one it follows",
        sql(
            "UPDATE {operation} SET created_at = (SELECT min(created_at) FROM {grant_fact})"
            " WHERE idempotency_key = 'k1'"
        ),
        "booked before",
        "ann",
    ),
    Case("another priority", sql(fact("bob", "priority = 1")), "remembers of it", "bob"),
    Case("other features", sql(fact("bob", "features = NULL, paid = NOT paid")), "of it", "bob"),
    Case(
        "features that cannot be",
        sql(fact("ann", "features = '[', paid = paid", "features <> ''")),
        "remembers of it",
        "ann",
    ),
    Case(
        "a fact that a hold remembers otherwise",
        both(
            sql(
                "UPDATE {hold} SET drawn = replace(drawn, ',60,', ',61,')"
                " WHERE customer_id = 'ann' AND status = 'open'"
            ),
        ),
        "remembers of it",
        "ann",
    ),
    Case(
        "an expiry moved after it was booked",
        sql(
            fact(
                "dan",
                "expires_at = (SELECT max(expires_at) FROM {grant_fact})",
                "expires_at IS NOT NULL",
            )
        ),
        "at another time",
        "dan",
    ),
    Case(
        "an expiry taken away after it was booked",
        sql(fact("dan", "expires_at = NULL", "expires_at IS NOT NULL")),
        "at another time",
        "dan",
    ),
    Case(
        "a grant of another operation",
        sql(fact("eve", "operation_id = (SELECT max(id) FROM {operation})")),
        "another operation or time",
        "eve",
    ),
]

UNITS = [
    Case("no such kind", sql("UPDATE {unit} SET kind = 'bananas'"), "cannot be"),
    Case("no such scale", sql("UPDATE {unit} SET scale = 13"), "cannot be"),
    Case("no such unit", sql("DELETE FROM {unit}"), "not registered"),
]

ORPHANS = [
    Case(
        "entries without their account",
        sql("DELETE FROM {account} WHERE customer_id = 'eve'"),
        "without their account",
        "eve",
    ),
    Case(
        "an account without its customer",
        both(
            lambda raw: raw.forget_foreign_keys(),
            sql("DELETE FROM {customer} WHERE customer_id = 'eve'"),
        ),
        "without its customer",
        "eve",
    ),
    Case(
        "a grant without its account",
        sql(
            "INSERT INTO {grant_fact} SELECT customer_id, 'grt_made_up', 'other', operation_id,"
            " amount, source, source_id, priority, paid, effective_at, expires_at, cost,"
            " cost_currency, features, origin, created_at FROM {grant_fact}"
            " WHERE customer_id = 'eve'"
        ),
        "A grant stands without",
        "eve",
    ),
    Case(
        "a hold without its account",
        sql(
            "INSERT INTO {hold} SELECT 'nobody', id, unit, status, drawn, feature, created_at,"
            " expires_at, settled, closed_by, closed_at FROM {hold} WHERE status = 'open'"
        ),
        "An open hold stands without",
        "nobody",
    ),
    Case(
        "a hold that nothing settled",
        sql(
            "UPDATE {hold} SET closed_by = 'op_made_up'"
            " WHERE customer_id = 'ann' AND status = 'settled'"
        ),
        "no operation ended it",
        "ann",
    ),
    Case(
        "a hold that nothing let lapse",
        sql("UPDATE {hold} SET id = 'hld_other', status = 'lapsed' WHERE customer_id = 'fay'"),
        "no operation ended it",
        "fay",
    ),
    Case(
        "a hold of no known status",
        sql("UPDATE {hold} SET status = 'lost' WHERE customer_id = 'fay'"),
        "no operation ended it",
        "fay",
    ),
    Case(
        "a note beside nothing",
        sql("INSERT INTO {note} (customer_id, operation_id) VALUES ('eve', 'op_made_up')"),
        "without its operation",
        "eve",
    ),
]

KINDS = [Case("a gift", sql(entry("eve", "grant", "kind = 'gift'")), "nobody knows", "eve")]

LAWS = {
    "sums": SUMS,
    "balances": BALANCES,
    "grants": GRANTS,
    "debt": DEBT,
    "keys": KEYS,
    "whole_book": WHOLE_BOOK,
    "append_only": APPEND_ONLY,
    "units": UNITS,
    "orphans": ORPHANS,
    "kinds": KINDS,
}
